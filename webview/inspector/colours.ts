import { themeColour, toRgb, type Rgb } from '../common/theme';

/** Steps of a colour scale: more than an eye tells apart. */
const STEPS = 256;

/** The colour at `at` (0…1) of a scale through evenly spaced stops. */
export function colourAt(stops: readonly Rgb[], at: number): Rgb {
  const place = Math.min(1, Math.max(0, at)) * (stops.length - 1);
  const index = Math.min(Math.floor(place), stops.length - 2);
  const [from, to] = [stops[index] ?? [0, 0, 0], stops[index + 1] ?? [0, 0, 0]];
  const mix = (channel: 0 | 1 | 2): number => Math.round(from[channel] + (to[channel] - from[channel]) * (place - index));
  return [mix(0), mix(1), mix(2)];
}

/** A scale as 256 opaque pixels, each one number as an `ImageData` holds it: red in the lowest byte (every machine that runs VS Code is little-endian). */
export function colourTable(stops: readonly Rgb[]): Uint32Array<ArrayBuffer> {
  return Uint32Array.from({ length: STEPS }, (_, index) => {
    const [red, green, blue] = colourAt(stops, index / (STEPS - 1));
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

/** An entry of a colour table for CSS. */
export function cssColour(pixel: number): string {
  return `rgb(${pixel & 255} ${(pixel >> 8) & 255} ${(pixel >> 16) & 255})`;
}

/** From the page's background over the theme's blue to its text colour: lightness runs one way, so the order is seen in every theme and without colour vision. */
export function similarityColours(): Uint32Array<ArrayBuffer> {
  const background = toRgb(themeColour('editor-background'));
  const blue = toRgb(themeColour('charts-blue', 'focusBorder'), background);
  const text = toRgb(themeColour('editor-foreground', 'foreground'), background);
  // A little off the background, so that the least similar cells still show as cells.
  return colourTable([colourAt([background, blue], 0.12), colourAt([background, blue], 0.75), colourAt([blue, text], 0.85)]);
}

/** From blue over what is near the page's background to yellow, for numbers around 0: what is off 0 stands out, on either side. */
export function differenceColours(): Uint32Array<ArrayBuffer> {
  const background = toRgb(themeColour('editor-background'));
  const [blue, yellow] = ['blue', 'yellow'].map((name) => toRgb(themeColour(`charts-${name}`, 'foreground'), background));
  const text = toRgb(themeColour('editor-foreground', 'foreground'), background);
  return colourTable([blue!, colourAt([background, text], 0.08), yellow!]);
}

/** From blue over purple to yellow, each of which stands out from the page by itself; blue and yellow differ for every eye. */
export function placeColours(): Uint32Array<ArrayBuffer> {
  const background = toRgb(themeColour('editor-background'));
  return colourTable(['blue', 'purple', 'yellow'].map((name) => toRgb(themeColour(`charts-${name}`, 'foreground'), background)));
}
