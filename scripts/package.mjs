// npm run package: writes objective-lab-<platform>-<version>.vsix, to install with `code --install-extension`.
import { main } from './lib/run.mjs';
import { install } from './lib/setup.mjs';
import { packageExtension } from './lib/vsix.mjs';

await main(async () => {
  await install();
  console.log(await packageExtension());
});
