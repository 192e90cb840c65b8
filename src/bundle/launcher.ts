import { NODE, PROGRAM } from './contents';

/** The name of the list of files that the launcher joins, one a line: SHA-256 of the whole in hexadecimal, path. */
export const PARTS = 'parts.sha256';

/**
 * The launcher for POSIX shells. It needs nothing but the shell once all is joined; for joining `cat`, `chmod` and `mv`, and `sha256sum`, `shasum` or
 * else Node itself for the check. A file appears under its name only when it is whole, so that several may start the bundle at once.
 */
export const SH_LAUNCHER = `#!/bin/sh
# Objective Lab with all it needs. Files that were split are joined on first use, see ${PARTS}.
set -eu
case \${PATH:-} in '') PATH=/usr/local/bin:/usr/bin:/bin ;; esac
self=$0
if [ -h "$self" ]; then self=$(readlink -f -- "$self"); fi
case $self in */*) here=\${self%/*} ;; *) here=. ;; esac
here=$(CDPATH= cd -- "\${here:-/}" && pwd -P)

fail() {
  printf 'objective-lab: %s\\n' "$1" >&2
  exit 2
}

hash() {
  if command -v sha256sum > /dev/null; then sha256sum < "$1"
  elif command -v shasum > /dev/null; then shasum -a 256 < "$1"
  else
    node=$here/${NODE}
    [ -f "$node" ] || node=$1
    "$node" -e 'const hash = require("node:crypto").createHash("sha256"); hash.update(require("node:fs").readFileSync(process.argv[1])); console.log(hash.digest("hex"))' "$1"
  fi
}

join() {
  whole=$here/$2
  [ ! -f "$whole" ] || return 0
  for part in "$whole".part[0-9]*; do [ -f "$part" ] || fail "$whole and its parts are missing. Copy the bundle again."; done
  joined=$whole.joining-$$
  trap 'rm -f -- "$joined"' EXIT
  cat -- "$whole".part[0-9]* > "$joined" || fail "$whole could not be joined from its parts. The disk may be full, or not be yours to write: run this once where it may be written."
  chmod 755 "$joined"
  sum=$(hash "$joined") || sum=
  [ "\${sum%% *}" = "$1" ] || fail "$whole is not what was bundled: a part is missing or damaged. Copy the bundle again."
  mv -f -- "$joined" "$whole"
}

if [ -f "$here/${PARTS}" ]; then
  while read -r sum path; do join "$sum" "$path"; done < "$here/${PARTS}"
fi
exec "$here/${NODE}" "$here/${PROGRAM}" "$@"
`;

export const CMD_LAUNCHER = `@"%~dp0${NODE.replaceAll('/', '\\')}" "%~dp0${PROGRAM.replaceAll('/', '\\')}" %*\r\n`;
