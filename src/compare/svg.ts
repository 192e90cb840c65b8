/** A line, or points alone, of a chart. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Half the height and width of each point's interval, if there is one. */
  readonly bars?: readonly { readonly x: readonly [number, number]; readonly y: readonly [number, number] }[];
  /** A dotted line without points of its own: it joins those of others, whose colours stay seen. */
  readonly dotted?: boolean;
}

export interface Chart {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
  readonly lines: boolean;
}

/** Okabe & Ito's colours, told apart by colour-blind people too. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#7f7f7f', '#000000'];
const [WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM] = [720, 400, 70, 200, 40, 50];

/** A chart as an SVG file that stands on its own, on a white ground so that it is legible in dark pages too. */
export function svgOf({ title, x, y, series, lines }: Chart): string {
  const extents = series.flatMap(({ points, bars = [] }) => [
    ...points,
    ...bars.flatMap(
      (bar) =>
        [
          [bar.x[0], bar.y[0]],
          [bar.x[1], bar.y[1]],
        ] as const,
    ),
  ]);
  const horizontal = scaleOf(
    extents.map(([value]) => value),
    LEFT,
    WIDTH - RIGHT,
  );
  const vertical = scaleOf(
    extents.map(([, value]) => value),
    HEIGHT - BOTTOM,
    TOP,
  );
  const bodies = series.map((each, i) => drawn(each, COLOURS[i % COLOURS.length]!, i, lines, horizontal.at, vertical.at));
  // What is drawn first lies below.
  const body = [...bodies.filter((_, i) => series[i]!.dotted), ...bodies.filter((_, i) => !series[i]!.dotted)].flat();
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img" aria-label="${escaped(title)}">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${LEFT}" y="22" font-size="14" font-weight="bold">${escaped(title)}</text>`,
    ...horizontal.ticks.map((value) =>
      tick(horizontal.at(value), HEIGHT - BOTTOM, horizontal.at(value), TOP, label(value), 'middle', 0, 18),
    ),
    ...vertical.ticks.map((value) => tick(LEFT, vertical.at(value), WIDTH - RIGHT, vertical.at(value), label(value), 'end', -6, 4)),
    `<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${HEIGHT - 12}" text-anchor="middle">${escaped(x)}</text>`,
    `<text transform="translate(16 ${(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(y)}</text>`,
    ...body,
    '</svg>',
    '',
  ].join('\n');
}

function drawn({ name, points, bars = [], dotted }: Series, colour: string, index: number, lines: boolean, x: Scale, y: Scale): string[] {
  const at = TOP + 10 + 20 * index;
  const dash = dotted ? ' stroke-dasharray="3 4"' : '';
  const places = points.map(([a, b]) => `${fixed(x(a))},${fixed(y(b))}`).join(' ');
  return [
    ...bars.flatMap((bar, i) => {
      const [a, b] = points[i]!;
      return [
        `<line x1="${fixed(x(bar.x[0]))}" x2="${fixed(x(bar.x[1]))}" y1="${fixed(y(b))}" y2="${fixed(y(b))}" stroke="${colour}" opacity="0.5"/>`,
        `<line x1="${fixed(x(a))}" x2="${fixed(x(a))}" y1="${fixed(y(bar.y[0]))}" y2="${fixed(y(bar.y[1]))}" stroke="${colour}" opacity="0.5"/>`,
      ];
    }),
    ...(lines && points.length > 1 ? [`<polyline points="${places}" fill="none" stroke="${colour}" stroke-width="2"${dash}/>`] : []),
    ...(dotted || (lines && points.length > 12)
      ? []
      : points.map(([a, b]) => `<circle cx="${fixed(x(a))}" cy="${fixed(y(b))}" r="4" fill="${colour}"/>`)),
    dotted
      ? `<line x1="${WIDTH - RIGHT + 6}" x2="${WIDTH - RIGHT + 24}" y1="${at}" y2="${at}" stroke="${colour}" stroke-width="2"${dash}/>`
      : `<circle cx="${WIDTH - RIGHT + 16}" cy="${at}" r="4" fill="${colour}"/>`,
    `<text x="${WIDTH - RIGHT + 26}" y="${at + 4}">${escaped(name)}</text>`,
  ];
}

type Scale = (value: number) => number;

function scaleOf(values: readonly number[], from: number, to: number): { at: Scale; ticks: number[] } {
  const [least, most] = [Math.min(...values), Math.max(...values)];
  const span = most - least || Math.abs(most) || 1;
  const step = niceStep(span / 5);
  const low = Math.floor(least / step) * step;
  const high = Math.max(Math.ceil(most / step) * step, low + step);
  const ticks = Array.from({ length: Math.round((high - low) / step) + 1 }, (_, i) => low + i * step);
  return { at: (value) => from + ((value - low) / (high - low)) * (to - from), ticks };
}

/** 1, 2 or 5 times a power of ten, at least as large. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return power * [1, 2, 5, 10].find((factor) => factor * power >= least)!;
}

const tick = (x1: number, y1: number, x2: number, y2: number, text: string, anchor: string, dx: number, dy: number): string =>
  `<line x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}" stroke="#dddddd"/><text x="${fixed(x1 + dx)}" y="${fixed(y1 + dy)}" text-anchor="${anchor}">${text}</text>`;

const fixed = (value: number): string => String(Number(value.toFixed(1)));
const label = (value: number): string => (Math.abs(value) >= 1e5 ? value.toExponential(1) : String(Number(value.toPrecision(6))));
const escaped = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/"/g, '&quot;');
