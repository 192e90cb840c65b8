/** WebAssembly text, assembled by the build (`scripts/lib/wat.mjs`). */
declare module '*.wat' {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
