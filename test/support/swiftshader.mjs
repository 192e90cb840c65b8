import { existsSync, realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Explained } from '../../scripts/lib/run.mjs';
import { ensureChromium } from './chromium.mjs';

/**
 * The environment in which WebGPU finds SwiftShader, a GPU in software that Chromium carries with its loader for Vulkan. It must be there before a process starts.
 *
 * @returns {Record<string, string>}
 * @throws {Explained} where there is none
 */
export function swiftShader() {
  const browser = dirname(realpathSync(ensureChromium()));
  const folder = [browser, '/usr/lib/chromium'].find((each) => existsSync(join(each, 'vk_swiftshader_icd.json')));
  if (folder === undefined)
    throw new Explained(
      'The suite webgpu needs Chromium or Google Chrome on Linux, which carry SwiftShader (Debian: apt-get install chromium).',
    );
  return { VK_DRIVER_FILES: join(folder, 'vk_swiftshader_icd.json'), LD_LIBRARY_PATH: folder };
}
