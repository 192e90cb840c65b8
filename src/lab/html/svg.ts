import { escape } from './text';

/** Colours of the static twins: a light card with its own ink, which reads on a dark page as well. */
export const INK = '#1f2328';
export const FAINT = '#59636e';
export const LINE = '#d1d9e0';
export const PAPER = '#ffffff';
export const COLOURS = ['#0969da', '#bc4c00', '#1a7f37', '#8250df', '#9a6700', '#cf222e', '#0a7ea4', '#6e7781'] as const;

export const colourAt = (index: number): string => COLOURS[index % COLOURS.length]!;

const round = (value: number): string => String(Number(value.toFixed(2)));

type Attributes = Readonly<Record<string, string | number>>;

/** One element; numbers are rounded, texts escaped. @param inner is markup */
export const tag = (name: string, attributes: Attributes, inner = ''): string => {
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${typeof value === 'number' ? round(value) : escape(value)}"`);
  return inner === '' ? `<${name}${written.join('')}/>` : `<${name}${written.join('')}>${inner}</${name}>`;
};

export const label = (x: number, y: number, text: string, attributes: Attributes = {}): string =>
  tag('text', { x, y, fill: INK, 'font-size': 12, ...attributes }, escape(text) || ' ');

/** A picture on its own card. */
export const picture = (width: number, height: number, parts: readonly string[], title: string): string =>
  tag(
    'svg',
    {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${round(width)} ${round(height)}`,
      role: 'img',
      'font-family': 'system-ui, sans-serif',
    },
    [tag('title', {}, escape(title)), tag('rect', { width, height, rx: 6, fill: PAPER, stroke: LINE }), ...parts].join(''),
  );
