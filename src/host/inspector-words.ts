import type { Handlers, RequestOptions } from '../shared/rpc';
import type { Prediction, Span, WordSurprisal } from '../shared/types';
import type { inspectorHost, Reading, Side, SurprisalChange } from '../shared/webview/inspector';
import type { Inspection } from './inspection';
import { partAround, shifted } from './text-part';

const CANDIDATES = 8;
/** How much text around a word is looked at for what another word would change, in UTF-16 units. */
const CHANGES_TEXT = 1_200;
/** Words that another word changes are named up to so many. */
const MOST_CHANGES = 5;
/** Changes of less than this, in nats, are not worth a line. */
const LEAST_CHANGE = 0.01;

/** A reading, and the path of the model on one side of it. */
type Current = (version: number, side: Side) => { readonly shown: Reading; readonly model: string };

type Words = Pick<Handlers<typeof inspectorHost>, 'predict' | 'mask' | 'attention' | 'replace'>;

/** What the inspector asks about the words of a reading. Spans of a view count in the document, those of a model in the part that is shown. */
export function wordHandlers(inspection: Inspection, current: Current): Words {
  const inPart = (spans: readonly Span[], { part }: Reading): Span[] => shifted(spans, -part.start);
  const predict = async (model: string, text: string, spans: Span[], options: RequestOptions): Promise<Prediction[]> =>
    inspection.request('predict', { model, text, spans, top: CANDIDATES }, options);
  return {
    predict: async ({ version, side, spans }, signal) => {
      const { model, shown } = current(version, side);
      return shifted(await predict(model, shown.part.text, inPart(spans, shown), { signal }), shown.part.start);
    },
    mask: ({ version, draw }, signal) => {
      const { model, shown } = current(version, 'first');
      return inspection.request('mask', { model, text: shown.part.text, draw }, { signal });
    },
    attention: ({ version, index, layer, hidden }, signal) => {
      const { model, shown } = current(version, 'first');
      return inspection.request('attention', { model, text: shown.part.text, index, layer, hidden: inPart(hidden, shown) }, { signal });
    },
    replace: async ({ version, side, span, text: alternative, hidden }, signal) => {
      const { model, shown } = current(version, side);
      const { text } = shown.part;
      const [place] = inPart([span], shown) as [Span];
      const other = swap(text, place, alternative);
      const spans = [place, ...inPart(hidden, shown)].map((each) => moved(each, place, alternative.length));
      const predictions = await predict(model, other, spans, { signal });
      const around = partAround(text, place.start, CHANGES_TEXT);
      const local = { start: place.start - around.start, end: place.end - around.start };
      const before = text.slice(around.start, around.end);
      const [was, is] = await Promise.all(
        [before, swap(before, local, alternative)].map((each) =>
          inspection.request('surprisal', { model, text: each, quick: false }, { signal }),
        ),
      );
      const changes = changesOf(was ?? [], is ?? [], local, alternative.length);
      const back = (each: Prediction): Prediction => ({
        ...each,
        ...moved(each, { start: place.start, end: place.start + alternative.length }, place.end - place.start),
      });
      return { predictions: shifted(predictions.map(back), shown.part.start), changes: shifted(changes, around.start + shown.part.start) };
    },
  };
}

const swap = (text: string, { start, end }: Span, alternative: string): string => text.slice(0, start) + alternative + text.slice(end);

/** Where a span is when what stands in `place` has become `length` long. */
export function moved({ start, end }: Span, place: Span, length: number): Span {
  const shift = length - (place.end - place.start);
  if (start >= place.end) return { start: start + shift, end: end + shift };
  return end > place.start ? { start: place.start, end: place.start + length } : { start, end };
}

/** Words whose surprisal another word in `place` changes, the most changed first. Spans are those of the text as it was. */
export function changesOf(was: readonly WordSurprisal[], is: readonly WordSurprisal[], place: Span, length: number): SurprisalChange[] {
  const after = new Map(is.map(({ start, surprisal }) => [start, surprisal]));
  return was
    .flatMap(({ start, end, surprisal }) => {
      if (start < place.end && end > place.start) return [];
      const now = after.get(moved({ start, end }, place, length).start);
      return now === undefined || Math.abs(now - surprisal) < LEAST_CHANGE ? [] : [{ start, end, before: surprisal, after: now }];
    })
    .sort((a, b) => Math.abs(b.after - b.before) - Math.abs(a.after - a.before))
    .slice(0, MOST_CHANGES);
}
