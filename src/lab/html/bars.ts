import { formatProbability } from '../../shared/format';
import { barOf, type BarsView, type PredictionsView } from '../../shared/views';
import { colourAt, FAINT, INK, label, LINE, picture, tag } from './svg';
import { cut } from './text';

const [WIDTH, LEFT, BAR, ROW, EDGE] = [640, 170, 360, 20, 14];

interface Bar {
  readonly label: string;
  /** Where it begins, and its length, as shares of the room. */
  readonly start: number;
  readonly length: number;
  readonly shown: string;
  readonly right?: boolean;
}

/** Bars under each other. */
function draw(bars: readonly Bar[], top: number): string[] {
  return bars.flatMap(({ label: name, start, length, shown, right = false }, i) => {
    const y = top + i * ROW;
    return [
      label(LEFT - 10, y + 14, cut(name, 22), { 'text-anchor': 'end', ...(right && { 'font-weight': 700 }) }),
      tag('rect', { x: LEFT, y: y + 4, width: BAR, height: 12, rx: 2, fill: LINE, opacity: 0.5 }),
      tag('rect', { x: LEFT + BAR * start, y: y + 4, width: BAR * length, height: 12, rx: 2, fill: colourAt(right ? 2 : 0) }),
      label(LEFT + BAR + 10, y + 14, shown, { fill: FAINT }),
    ];
  });
}

export function barsSvg(view: BarsView): string {
  const { title, bars } = view;
  const drawn = bars.map((bar) => ({ ...bar, ...barOf(bar.value, view) }));
  const parts = [label(EDGE, EDGE + 10, title, { 'font-weight': 700 }), ...draw(drawn, EDGE + 20)];
  return picture(WIDTH, EDGE + 28 + bars.length * ROW + EDGE / 2, parts, title);
}

export function predictionsSvg({ places }: PredictionsView): string {
  const parts: string[] = [];
  let y = EDGE;
  for (const { before, after, candidates, truth } of places) {
    const text = `${cut(before.slice(-60), 60)} [MASK] ${cut(after.slice(0, 40), 40)}`.trim();
    parts.push(label(EDGE, y + 10, text, { 'font-weight': 700 }));
    y += 20;
    const bars = candidates.map(({ text: name, probability }) => ({
      label: name,
      start: 0,
      length: probability,
      shown: formatProbability(probability),
      right: name === truth?.text,
    }));
    parts.push(...draw(bars, y));
    y += bars.length * ROW + 6;
    if (!truth) continue;
    parts.push(
      label(EDGE, y + 10, `stands there: ${cut(truth.text, 40)}, ${formatProbability(truth.probability)}, rank ${truth.rank}`, {
        fill: INK,
      }),
    );
    y += 22;
  }
  return picture(WIDTH, y + EDGE / 2, parts, 'Predictions');
}
