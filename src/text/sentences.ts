import type { Span, TextUnit, Unit } from '../shared/types';

/** A block that begins here even without a blank line before: a Markdown heading, list item, or table row. An ordered list interrupts prose only with 1. */
const BLOCK_START = /^\s{0,12}(?:#{1,6}\s|[-*+]\s|1[.)]\s|\|)/;
const HEADING = /^\s{0,3}#{1,6}\s/;
const LATER_ITEM = /^\s{0,12}\d{1,9}[.)]\s/;
/** Rules, underlines of headings, table rules and code fences: no text of their own. */
const MARKUP_LINE = /^\s*(?:[-=*_|:+]{3}[-=*_|:+\s]*|(?:[-*_]\s+){2,}[-*_]\s*|(?:```|~~~).{0,80})$/;

/** Abbreviations and initials after which a capital letter or a digit does not begin a sentence. "I." is left out: it is a pronoun more often than an initial. */
const ABBREVIATION =
  /(?:^|[\s("'“‘[.])(?:Mr|Mrs|Ms|Mssrs|Messrs|Dr|Prof|Rev|Hon|Capt|Col|Gen|Lt|Sgt|Gov|Sen|Rep|St|Mt|vs|viz|cf|e\.g|i\.e|[A-HJ-Z])\.$/;
/** Abbreviations only before a number, and list numbers that stand alone. */
const BEFORE_NUMBER = /(?:^|[\s("'“‘[])(?:No|Nos|Vol|Ch|Chap|Fig|Figs|Sec|Eq|p|pp|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sep|Sept|Oct|Nov|Dec)\.$/;
const LIST_NUMBER = /^\s*\d{1,9}\.$/;
/** How much of a sentence's end is looked at for an abbreviation. */
const TAIL = 12;
/** Characters that the segmenter sees at once. */
const WINDOW = 4096;

/** Cuts a text into units of one kind, each trimmed and with its exact place in the text. */
export function splitUnits(text: string, unit: Unit, locale?: string): TextUnit[] {
  switch (unit) {
    case 'sentence':
      return splitSentences(text, locale);
    case 'line':
      return splitLines(text);
    case 'paragraph':
      return splitParagraphs(text);
  }
}

/** Lines with any text in them. */
export function splitLines(text: string): TextUnit[] {
  return units(text, lines(text));
}

/** Runs of lines between blank lines; Markdown headings, list items and table rows are paragraphs of their own, rules and code fences are none. */
export function splitParagraphs(text: string): TextUnit[] {
  return units(text, paragraphs(text));
}

/**
 * Sentences by Unicode's rules (UAX #29, `Intl.Segmenter`) within each paragraph, so that a hard-wrapped line does not end one while a blank line, a
 * heading or a list item does. Common abbreviations and initials are mended.
 *
 * @param locale BCP 47 tag; sentence rules differ little between languages
 */
export function splitSentences(text: string, locale = 'en'): TextUnit[] {
  const segmenter = new Intl.Segmenter(locale, { granularity: 'sentence' });
  return units(text, sentences(text, segmenter));
}

function* sentences(text: string, segmenter: Intl.Segmenter): Generator<Span> {
  for (const paragraph of paragraphs(text)) {
    // A line end always ends a sentence for Unicode: blanks of the same length keep every place.
    const flat = text.slice(paragraph.start, paragraph.end).replace(/[\r\n\v\f\u0085\u2028\u2029]/g, ' ');
    let start = 0;
    for (const end of sentenceEnds(flat, segmenter)) {
      if (end < flat.length && continues(flat, start, end)) continue;
      yield { start: paragraph.start + start, end: paragraph.start + end };
      start = end;
    }
  }
}

/** Ends of Unicode's sentences. V8's segmenter takes time quadratic in the text's length, so it sees a window at a time, wider where no sentence ends. */
function* sentenceEnds(text: string, segmenter: Intl.Segmenter): Generator<number> {
  let size = WINDOW;
  for (let start = 0; start < text.length;) {
    const window = text.slice(start, start + size);
    const last = start + window.length === text.length;
    let next = start;
    for (const { segment, index } of segmenter.segment(window)) {
      const end = start + index + segment.length;
      // What touches the window's edge may go on behind it.
      if (!last && index + segment.length === window.length) break;
      yield end;
      next = end;
    }
    size = next === start ? size * 2 : WINDOW;
    start = next;
  }
}

/** Whether the sentence start…end goes on after the place where Unicode's rules would end it. */
function continues(text: string, start: number, end: number): boolean {
  const tail = text.slice(Math.max(start, end - TAIL), end).trimEnd();
  if (!tail.endsWith('.')) return false;
  return (
    ABBREVIATION.test(tail) || (end - start <= TAIL && LIST_NUMBER.test(tail)) || (/\d/.test(text.charAt(end)) && BEFORE_NUMBER.test(tail))
  );
}

function* lines(text: string): Generator<Span> {
  let start = 0;
  for (const { 0: newline, index } of text.matchAll(/\r\n|\r|\n/g)) {
    yield { start, end: index };
    start = index + newline.length;
  }
  yield { start, end: text.length };
}

function* paragraphs(text: string): Generator<Span> {
  let open: Span | undefined;
  let inList = false;
  for (const line of lines(text)) {
    // Markup stands at the start of a line; a long line is never copied to look for it.
    const head = text.slice(line.start, Math.min(line.end, line.start + 200));
    const blank = head.trim() === '' && text.slice(line.start, line.end).trim() === '';
    const markup = !blank && head.length === line.end - line.start && MARKUP_LINE.test(head);
    const item = BLOCK_START.test(head) || (LATER_ITEM.test(head) && (inList || !open));
    if (open && (blank || markup || item)) {
      yield open;
      open = undefined;
    }
    if (blank || markup) {
      inList &&= blank;
      continue;
    }
    if (item) inList = !HEADING.test(head);
    else if (!open) inList = false;
    if (HEADING.test(head)) yield line;
    else open = { start: open?.start ?? line.start, end: line.end };
  }
  if (open) yield open;
}

/** Trims the spans and drops empty ones. */
function units(text: string, spans: Iterable<Span>): TextUnit[] {
  const found: TextUnit[] = [];
  for (const span of spans) {
    const raw = text.slice(span.start, span.end);
    const trimmed = raw.trim();
    if (trimmed === '') continue;
    const start = span.start + raw.length - raw.trimStart().length;
    found.push({ start, end: start + trimmed.length, text: trimmed });
  }
  return found;
}
