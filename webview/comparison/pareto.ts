import type { ComparedProbe, ComparisonReport } from '../../src/shared/comparison-types';
import { element } from '../common/dom';
import { endsOf, paretoPlaces } from './model';

const [WIDTH, HEIGHT] = [600, 340];
const MARGIN = { left: 60, right: 120, top: 16, bottom: 44 };
const SVG = 'http://www.w3.org/2000/svg' as const;
/** Height of a line of text. */
const LINE = 15;
/** Longer names are cut off in the picture; the list below it has them whole. */
const LONGEST = 22;

/** Variants on two tasks, with their intervals; those that no other beats on both are joined. */
export function paretoPicture(report: ComparisonReport, first: ComparedProbe, second: ComparedProbe): HTMLElement {
  const places = paretoPlaces(report, first, second);
  const [xs, ys] = [endsOf(report, first), endsOf(report, second)];
  if (places.length < 2 || !xs || !ys)
    return element('p', { class: 'muted', text: 'The picture needs two variants with a value on both.' });
  const x = (share: number): number => MARGIN.left + share * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (share: number): number => HEIGHT - MARGIN.bottom - share * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const svg = draw('svg', { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, 'aria-hidden': 'true', class: 'pareto' });
  svg.append(
    line('axis', x(0), y(0), x(1), y(0)),
    line('axis', x(0), y(0), x(0), y(1)),
    label(xs[0], x(0), HEIGHT - MARGIN.bottom + 16, 'start'),
    label(xs[1], x(1), HEIGHT - MARGIN.bottom + 16, 'end'),
    label(axisName(first), x(0.5), HEIGHT - 8, 'middle'),
    label(ys[0], MARGIN.left - 6, y(0), 'end'),
    label(ys[1], MARGIN.left - 6, y(1) + 8, 'end'),
    label(axisName(second), x(0) + 6, MARGIN.top - 4, 'start'),
  );
  const front = places.filter((place) => place.front).sort((a, b) => a.x.mean - b.x.mean);
  const points = front.map((place) => `${x(place.x.mean)},${y(place.y.mean)}`).join(' ');
  svg.append(draw('polyline', { class: 'front', points }));
  let above = -Infinity;
  for (const place of [...places].sort((a, b) => b.y.mean - a.y.mean)) {
    const [cx, cy] = [x(place.x.mean), y(place.y.mean)];
    const name = place.variant.length > LONGEST ? `${place.variant.slice(0, LONGEST)}…` : place.variant;
    // Names of points that lie close stand below each other.
    above = Math.max(cy - 6, above + LINE);
    svg.append(
      line('whiskers', x(place.x.low), cy, x(place.x.high), cy),
      line('whiskers', cx, y(place.y.low), cx, y(place.y.high)),
      draw('circle', { class: place.front ? 'dot onfront' : 'dot', cx: String(cx), cy: String(cy), r: '4.5' }),
      label(name, cx + 8, above, 'start', 'name'),
    );
  }
  const list = places.map(({ variant, words, front: on }) =>
    element('li', { text: `${variant}: ${words}${on ? '; no other beats it on both' : ''}` }),
  );
  return element('div', { class: 'picture' }, [svg as unknown as HTMLElement, element('ul', { class: 'muted' }, list)]);
}

const axisName = ({ name, metric, better }: ComparedProbe): string => `${name}: ${metric}${better === 'lower' ? ' (lower is better)' : ''}`;

function draw(tag: string, attributes: Readonly<Record<string, string>>): SVGElement {
  const node = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}

const line = (name: string, x1: number, y1: number, x2: number, y2: number): SVGElement =>
  draw('line', { class: name, x1: String(x1), y1: String(y1), x2: String(x2), y2: String(y2) });

function label(text: string, x: number, y: number, anchor: 'start' | 'middle' | 'end', name = 'tick'): SVGElement {
  const node = draw('text', { class: name, x: String(x), y: String(y), 'text-anchor': anchor });
  node.textContent = text;
  return node;
}
