import { lstatSync, realpathSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { UserError } from '../shared/errors';

const OWN = '.objective-lab';

/**
 * Sees that what lies in a `.objective-lab` really lies there, before anything is written or deleted in it: a folder that came from elsewhere may hold
 * links. A path without such a folder is one that a person named, and is theirs to choose.
 *
 * @param path absolute; it need not exist
 * @throws UserError (code `disk`) that names the link
 */
export function requireOwnFolder(path: string): void {
  const parts = path.split(sep);
  const at = parts.lastIndexOf(OWN);
  if (at < 0) return;
  const own = parts.slice(0, at + 1).join(sep);
  let folder = dirname(own);
  const inside = join(targetOf(folder) ?? folder, OWN);
  for (const part of parts.slice(at)) {
    folder = join(folder, part);
    if (!isLink(folder)) continue;
    const target = targetOf(folder);
    if (target === inside || target?.startsWith(`${inside}${sep}`)) continue;
    throw new UserError(
      `${folder} is a link that leads out of ${own}.`,
      'Nothing is written or deleted through it. Remove the link; to keep runs elsewhere, name that folder with --out.',
      'disk',
    );
  }
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    // Not there, or below what is no folder: whoever writes there says so.
    return false;
  }
}

/** Undefined where it leads nowhere, or in a circle. */
function targetOf(link: string): string | undefined {
  try {
    return realpathSync(link);
  } catch {
    return undefined;
  }
}
