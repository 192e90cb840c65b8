/** A notebook as its text, for the build (`esbuild.mjs`). */
declare module '*.ipynb' {
  const text: string;
  export default text;
}
