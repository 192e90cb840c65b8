import { realpathSync } from 'node:fs';
import { InvalidArgumentError } from 'commander';
import { makeBundle, type BundleOptions } from '../bundle/bundle';

const UNITS: Readonly<Record<string, number>> = { K: 1e3, M: 1e6, G: 1e9 };
const SMALLEST_PART = 1e6;

/** A size such as `60M`, in bytes: powers of ten, so that a limit that was meant in powers of two holds as well. */
export function parseSize(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)([KMG])B?$/i.exec(text) ?? [];
  const bytes = Math.floor(Number(number) * UNITS[unit?.toUpperCase() ?? '']!);
  if (!(bytes >= SMALLEST_PART)) throw new InvalidArgumentError('It must be a size of at least 1M, such as 60M.');
  return bytes;
}

export function bundleCommand(folder: string, { json, ...options }: BundleOptions & { json?: boolean }): void {
  const bundle = makeBundle(realpathSync(process.argv[1]!), folder, options);
  const megabytes = Math.round(bundle.bytes / 1e6);
  const joined = bundle.parts.length > 0 ? ` ${bundle.parts.length} of its files are in parts, which its first start joins.` : '';
  process.stdout.write(
    json ? `${JSON.stringify(bundle)}\n` : `${bundle.folder}: ${megabytes} MB.${joined}\nStart it anywhere with ${bundle.launcher}\n`,
  );
}
