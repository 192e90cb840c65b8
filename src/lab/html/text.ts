/** Characters that no XML may hold. */
const isControl = (character: string): boolean =>
  (character < ' ' && !'\t\n\r'.includes(character)) || character === '\ufffe' || character === '\uffff';

/** Half a character, of two that belong together: no file can hold it. */
const HALVES = /\p{Surrogate}/gu;

/** A text in HTML and in SVG: nothing of it is ever markup. */
export const escape = (text: string): string =>
  Array.from(text.replace(HALVES, '\ufffd'), (character) => (isControl(character) ? '' : character))
    .join('')
    .replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

export const cut = (text: string, most: number): string => {
  const line = text.replace(HALVES, '').replace(/\s+/g, ' ').trim();
  // A character outside the basic plane is one, and is not cut in two.
  const characters = line.length > most ? Array.from(line) : [];
  return characters.length > most ? `${characters.slice(0, most - 1).join('')}…` : line;
};
