import type { MapView } from '../../src/shared/views';
import { prepare } from '../common/canvas';
import { element } from '../common/dom';
import { themeColour } from '../common/theme';
import { nearestPoint, placePoints } from '../inspector/map-model';
import type { Drawn } from './index';

const [WIDTH, HEIGHT, MARGIN, REACH, RADIUS] = [640, 400, 24, 16, 4];
/** Up to so many points have their text beside them. */
const MOST_NAMED = 40;
const MOST_LETTERS = 28;
const COLOURS = ['charts-blue', 'charts-orange', 'charts-green', 'charts-purple', 'charts-yellow', 'charts-red'] as const;

const cut = (text: string): string => (text.length > MOST_LETTERS ? `${text.slice(0, MOST_LETTERS - 1)}…` : text);

/** Texts as points in the plane; the text of the point under the pointer stands below. */
export function map({ points }: MapView): Drawn {
  const picture = element('canvas', { attributes: { role: 'img', 'aria-label': `Map of ${points.length} texts` } });
  const said = element('p', { class: 'said', attributes: { 'aria-live': 'polite', dir: 'auto' } });
  const groups = [...new Set(points.map(({ group }) => group))];
  const colourOf = (group: string | undefined): string => COLOURS[groups.indexOf(group) % COLOURS.length]!;
  const placed = placePoints(Float32Array.from(points.flatMap(({ x, y }) => [x, y])), WIDTH, HEIGHT, MARGIN);
  picture.addEventListener('pointermove', (event) => {
    const box = picture.getBoundingClientRect();
    const index = nearestPoint(placed, event.clientX - box.left, event.clientY - box.top, REACH);
    said.textContent = index === undefined ? '' : points[index]!.text;
  });
  const restyle = (): void => {
    const context = prepare(picture, WIDTH, HEIGHT);
    context.font = `11px ${getComputedStyle(document.body).fontFamily}`;
    context.textBaseline = 'middle';
    points.forEach(({ text, group }, i) => {
      const [x, y] = [placed[2 * i]!, placed[2 * i + 1]!];
      context.fillStyle = themeColour(colourOf(group), 'foreground');
      context.beginPath();
      context.arc(x, y, RADIUS, 0, 2 * Math.PI);
      context.fill();
      if (points.length > MOST_NAMED) return;
      context.fillStyle = themeColour('descriptionForeground', 'foreground');
      context.textAlign = x > WIDTH * 0.6 ? 'right' : 'left';
      context.fillText(cut(text), x + (x > WIDTH * 0.6 ? -8 : 8), y);
    });
  };
  restyle();
  const legend = groups.flatMap((group) => {
    if (group === undefined) return [];
    const key = element('span', { class: 'group', text: group });
    key.style.setProperty('--colour', `var(--vscode-${colourOf(group)})`);
    return [key];
  });
  return { root: element('div', { class: 'view' }, [element('div', { class: 'groups' }, legend), picture, said]), restyle };
}
