/** The text that a vocabulary's token stands for; `piece` says that it continues the word before it (`##ing`). */
export interface TokenText {
  readonly text: string;
  readonly piece: boolean;
}

/** Byte-level vocabularies (GPT-2's and RoBERTa's) write bytes as characters: those that print as themselves, the others from U+0100 on. */
const BYTES = new Map<string, number>();
for (let byte = 0, other = 0x100; byte < 256; byte++) {
  const prints = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
  BYTES.set(String.fromCharCode(prints ? byte : other++), byte);
}

/** Reads a token as people do: `##ing` is the piece `ing`, `Ġsea` the word `sea`, and `cafÃ©` is `café`. */
export function tokenText(token: string): TokenText {
  if (token.startsWith('##') && token.length > 2) return { text: token.slice(2), piece: true };
  const text = decodeBytes(token) ?? token;
  return { text: text.trim() || text, piece: false };
}

/** How a token is shown: never empty. */
export function tokenLabel(token: string): string {
  const { text, piece } = tokenText(token);
  const shown = text.trim() === '' ? text.replace(/\n/g, '⏎').replace(/\s/g, '␣') || token : text;
  return piece ? `-${shown}` : shown;
}

/** The text of a token of bytes; undefined for a token that is none, such as `é` in a vocabulary of characters. */
function decodeBytes(token: string): string | undefined {
  const bytes = Array.from(token, (character) => BYTES.get(character));
  if (bytes.includes(undefined)) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Uint8Array.from(bytes as number[]));
  } catch {
    return undefined;
  }
}
