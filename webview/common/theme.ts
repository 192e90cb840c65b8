/** Red, green and blue in 0…255. */
export type Rgb = readonly [number, number, number];

/** The first of these theme variables that is set, as CSS; high-contrast themes leave many unset. */
export function themeColour(...names: readonly string[]): string {
  const style = getComputedStyle(document.body);
  return names.map((name) => style.getPropertyValue(`--vscode-${name}`).trim()).find((value) => value !== '') ?? style.color;
}

/** A CSS colour as numbers, laid over `under` where it is translucent. The browser itself reads it, so every notation works. */
export function toRgb(css: string, under: Rgb = [0, 0, 0]): Rgb {
  const canvas = document.createElement('canvas');
  canvas.width = canvas.height = 1;
  const context = canvas.getContext('2d', { willReadFrequently: true });
  if (!context) throw new Error('This browser has no 2D canvas.');
  context.fillStyle = `rgb(${under.join(' ')})`;
  context.fillRect(0, 0, 1, 1);
  context.fillStyle = css;
  context.fillRect(0, 0, 1, 1);
  const [red = 0, green = 0, blue = 0] = context.getImageData(0, 0, 1, 1).data;
  return [red, green, blue];
}

/** Calls back after the theme has changed: VS Code rewrites the class of the body and the variables of the root element. */
export function onThemeChange(listener: () => void): void {
  const observer = new MutationObserver(listener);
  observer.observe(document.body, { attributeFilter: ['class'] });
  observer.observe(document.documentElement, { attributeFilter: ['style'] });
}
