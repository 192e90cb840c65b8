/** The program of a worker thread, bundled by the build (`scripts/lib/thread.mjs`). */
declare module '*?thread' {
  const program: string;
  export default program;
}
