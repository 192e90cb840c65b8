import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Tokenizer as NativeTokenizer, type JsEncoding } from 'tokenizers';
import { UserError } from '../shared/errors';
import { shortened } from '../shared/format';
import type { Span } from '../shared/types';
import { WordCache } from './word-cache';
import { learnWordPieces, MAX_WORD_CHARACTERS, WordCounts } from './wordpiece';

/** The special tokens in the order of their ids in a tokenizer of ours; others are looked up by these names, BERT's first, then RoBERTa's. */
const SPECIAL_NAMES = {
  pad: ['[PAD]', '<pad>'],
  unk: ['[UNK]', '<unk>'],
  cls: ['[CLS]', '<s>'],
  sep: ['[SEP]', '</s>'],
  mask: ['[MASK]', '<mask>'],
} as const;

/** Ids of the special tokens. A tokenizer that was not made for masked language modelling has no `mask`. */
export interface SpecialTokens {
  readonly pad: number;
  readonly unk: number;
  readonly cls: number;
  readonly sep: number;
  readonly mask: number | undefined;
}

/** Content tokens of a text, without [CLS] and [SEP]. `spans[i]` is what token i covers, in UTF-16 code units of the text. */
export interface Encoded {
  readonly ids: Int32Array;
  readonly spans: readonly Span[];
}

export interface TokenizerOptions {
  /** Number of entries, the five special tokens among them; a small text may yield fewer. */
  readonly vocabularySize: number;
  /** Lowercase and strip accents, as BERT's uncased models do. */
  readonly lowercase: boolean;
}

/** The fields of a `tokenizer.json` that are touched here. */
interface TokenizerJson {
  readonly model: { readonly vocab: unknown; readonly type?: string; readonly unk_token?: string | null };
  readonly normalizer?: { readonly type: string } | null;
  readonly added_tokens?: readonly { readonly content: string; readonly special: boolean; readonly id: number }[];
  readonly pre_tokenizer?: PreTokenizer | null;
}

interface PreTokenizer {
  readonly type: string;
  readonly pretokenizers?: readonly PreTokenizer[];
}

/**
 * Text to token ids and back, by Hugging Face's native `tokenizers`. Encoding is asynchronous because the library works on its own threads.
 * Reads and writes `tokenizer.json`.
 */
export class Tokenizer {
  readonly vocabularySize: number;
  readonly special: SpecialTokens;
  readonly #native: NativeTokenizer;
  /** The same without the special tokens: in a corpus a written "[SEP]" is four letters and two brackets, never a boundary. */
  readonly #plain: NativeTokenizer;
  /** Of tokenizers that see a word at a time. */
  readonly #words: WordCache | undefined;
  readonly #specials: ReadonlySet<number | undefined>;
  readonly #startsWord: (token: string) => boolean;

  private constructor(
    /** The text of `tokenizer.json`. */
    readonly json: string,
    private readonly name: string,
  ) {
    try {
      const parsed = JSON.parse(json) as TokenizerJson;
      const unbounded = { ...parsed, truncation: null, padding: null, post_processor: null };
      this.#native = NativeTokenizer.fromString(JSON.stringify(unbounded));
      this.#plain = withoutSpecials(unbounded);
      this.#startsWord = wordStart(parsed);
      if (isByWords(parsed)) this.#words = new WordCache((words) => this.#encodePlain(words));
    } catch (error) {
      throw new UserError(
        `${name} is not a tokenizer: ${reasonOf(error)}`,
        'Point to a tokenizer.json as Hugging Face writes it, or leave "tokenizer.from" out to train one on the corpus.',
        'tokenizer',
        { cause: error },
      );
    }
    const find = (names: readonly string[]): number | undefined => names.map((each) => this.id(each)).find((id) => id !== undefined);
    const require = (names: readonly string[]): number => {
      const id = find(names);
      if (id !== undefined) return id;
      throw new UserError(`${name} has no ${names[0]} token.`, 'Use a tokenizer of the BERT family.', 'tokenizer');
    };
    this.special = {
      pad: require(SPECIAL_NAMES.pad),
      unk: require(SPECIAL_NAMES.unk),
      cls: require(SPECIAL_NAMES.cls),
      sep: require(SPECIAL_NAMES.sep),
      mask: find(SPECIAL_NAMES.mask),
    };
    const marked = ((JSON.parse(json) as TokenizerJson).added_tokens ?? [])
      .filter((token) => token.special)
      .map(({ content }) => this.id(content));
    // One that is declared keeps how it is found: RoBERTa's takes in the space before it.
    if (this.special.mask !== undefined && !marked.includes(this.special.mask))
      this.#native.addSpecialTokens([this.token(this.special.mask)]);
    this.#specials = new Set([...Object.values<number | undefined>({ ...this.special }), ...marked]);
    // Ids may have gaps, so the highest one counts, not their number.
    this.vocabularySize = Object.values(this.#native.getVocab(true)).reduce((most, id) => Math.max(most, id + 1), 0);
    if (this.vocabularySize > MOST_TOKENS)
      throw new UserError(`${name} has a token with the id ${this.vocabularySize - 1}.`, `Use ids below ${MOST_TOKENS}.`, 'tokenizer');
  }

  /**
   * Trains a WordPiece vocabulary with BERT's normaliser and pre-tokeniser; ids 0…4 are [PAD] [UNK] [CLS] [SEP] [MASK]. The same texts always give
   * the same tokenizer.
   *
   * @param texts in pieces of any length that do not cut words
   */
  static async train(
    texts: Iterable<string> | AsyncIterable<string>,
    { vocabularySize, lowercase }: TokenizerOptions,
    signal?: AbortSignal,
  ): Promise<Tokenizer> {
    const words = new WordCounts(lowercase);
    for await (const text of texts) {
      words.add(text);
      signal?.throwIfAborted();
    }
    const names = Object.values(SPECIAL_NAMES).map(([name]) => name);
    const pieces = await learnWordPieces(words.entries(), vocabularySize - names.length, signal);
    const json = wordPieceJson([...names, ...pieces], { handle_chinese_chars: true, strip_accents: null, lowercase });
    return new Tokenizer(JSON.stringify(json, null, 2), 'The trained tokenizer');
  }

  /**
   * The tokenizer of a model folder as Hugging Face lays it out: its `tokenizer.json`, or else one made from BERT's `vocab.txt` and what
   * `tokenizer_config.json` says of it.
   *
   * @throws UserError (code `tokenizer`) that names the folder and what it lacks
   */
  static ofModel(folder: string): Tokenizer {
    const [whole, vocabulary] = [join(folder, 'tokenizer.json'), join(folder, 'vocab.txt')];
    if (existsSync(whole)) return Tokenizer.load(whole);
    if (!existsSync(vocabulary))
      throw new UserError(
        `${folder} has neither tokenizer.json nor vocab.txt.`,
        `Write one with transformers: python -c "from transformers import AutoTokenizer as T; T.from_pretrained('${folder}').save_pretrained('${folder}')".`,
        'tokenizer',
      );
    const config = join(folder, 'tokenizer_config.json');
    let settings: Readonly<Record<string, unknown>>;
    try {
      settings = existsSync(config) ? (JSON.parse(readFileSync(config, 'utf8')) as typeof settings) : {};
    } catch (error) {
      throw new UserError(`${config} is not valid JSON.`, 'Restore the file, or remove it.', 'tokenizer', { cause: error });
    }
    const tokens = readFileSync(vocabulary, 'utf8')
      .replace(/\r?\n$/, '')
      .split(/\r?\n/);
    const missing = ['[UNK]', '[CLS]', '[SEP]'].find((name) => !tokens.includes(name));
    if (missing !== undefined)
      throw new UserError(`${vocabulary} has no ${missing} token.`, "Use a vocab.txt of BERT's kind, or a tokenizer.json.", 'tokenizer');
    const normalizer = {
      handle_chinese_chars: settings.tokenize_chinese_chars !== false,
      strip_accents: typeof settings.strip_accents === 'boolean' ? settings.strip_accents : null,
      lowercase: settings.do_lower_case !== false,
    };
    return new Tokenizer(JSON.stringify(wordPieceJson(tokens, normalizer), null, 2), vocabulary);
  }

  /** The same with further special tokens at the end of the vocabulary; those it has already stay where they are. */
  withSpecialTokens(names: readonly string[]): Tokenizer {
    const missing = names.filter((name) => this.id(name) === undefined);
    if (missing.length === 0) return this;
    const json = JSON.parse(this.json) as TokenizerJson;
    const added = missing.map((content, i) => ({ ...PLAIN_SPECIAL, id: this.vocabularySize + i, content }));
    return new Tokenizer(JSON.stringify({ ...json, added_tokens: [...(json.added_tokens ?? []), ...added] }, null, 2), 'The tokenizer');
  }

  /** Reads a `tokenizer.json`. @throws UserError (code `tokenizer`) if it cannot be read or lacks [PAD], [UNK], [CLS] or [SEP] */
  static load(path: string): Tokenizer {
    let json: string;
    try {
      json = readFileSync(path, 'utf8');
    } catch (error) {
      throw new UserError(
        `The tokenizer ${path} cannot be read.`,
        "Check the path; in an experiment, `tokenizer.from` is relative to the experiment's folder.",
        'tokenizer',
        { cause: error },
      );
    }
    return new Tokenizer(json, path);
  }

  /** Writes `tokenizer.json` as it was loaded or trained. */
  save(path: string): void {
    writeFileSync(path, this.json);
  }

  token(id: number): string {
    return this.#native.idToToken(id) ?? '';
  }

  id(token: string): number | undefined {
    return this.#native.tokenToId(token) ?? undefined;
  }

  /** The text of some tokens, special ones as they are written. */
  async decode(ids: readonly number[]): Promise<string> {
    return this.#native.decode([...ids], false);
  }

  /** Whether a token begins a word: neither special nor a continuation, by the marks of the tokenizer's kind (`##`, `Ġ` or `▁`). */
  startsWord(id: number): boolean {
    return !this.isSpecial(id) && this.#startsWord(this.token(id));
  }

  isSpecial(id: number): boolean {
    return this.#specials.has(id);
  }

  /** Tokens of a text with their places in it. [MASK] written in the text is the mask token. */
  async encode(text: string): Promise<Encoded> {
    const encoding = await this.#working(this.#native.encode(text, null, { addSpecialTokens: false }));
    return { ids: Int32Array.from(encoding.getIds()), spans: utf16Spans(text, encoding) };
  }

  /** Ids of many texts at once, for a corpus: special tokens written in a text are plain text here. */
  encodeBatch(texts: string[]): Promise<Int32Array[]> {
    return this.#words?.encode(texts) ?? this.#encodePlain(texts);
  }

  async #encodePlain(texts: string[]): Promise<Int32Array[]> {
    const encodings = await this.#working(this.#plain.encodeBatch(texts, { addSpecialTokens: false }));
    return encodings.map((encoding) => Int32Array.from(encoding.getIds()));
  }

  /** Some faults of a tokenizer show only when it meets a text: an unknown token that its vocabulary lacks, say. */
  async #working<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      throw new UserError(`${this.name} cannot encode a text: ${reasonOf(error)}`, 'Use a tokenizer that is whole.', 'tokenizer', {
        cause: error,
      });
    }
  }
}

/** Tables with an entry for every id are made from a vocabulary; no model has nearly as many tokens. */
const MOST_TOKENS = 2 ** 22;

const reasonOf = (error: unknown): string => shortened(error instanceof Error ? error.message : String(error), 300);

/** A WordPiece `tokenizer.json` with BERT's normaliser, pre-tokeniser and special tokens. */
function wordPieceJson(
  tokens: readonly string[],
  normalizer: { handle_chinese_chars: boolean; strip_accents: boolean | null; lowercase: boolean },
): object {
  const names = Object.values(SPECIAL_NAMES).map(([name]) => name);
  const ids = new Map(tokens.map((token, id) => [token, id]));
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: names
      .filter((name) => ids.has(name))
      .map((content) => ({ ...PLAIN_SPECIAL, id: ids.get(content)!, content }))
      .sort((a, b) => a.id - b.id),
    normalizer: { type: 'BertNormalizer', clean_text: true, ...normalizer },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: {
      type: 'TemplateProcessing',
      single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
      pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
      special_tokens: Object.fromEntries(['[CLS]', '[SEP]'].map((id) => [id, { id, ids: [ids.get(id)!], tokens: [id] }])),
    },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: '[UNK]',
      continuing_subword_prefix: '##',
      max_input_chars_per_word: MAX_WORD_CHARACTERS,
      vocab: Object.fromEntries(ids),
    },
  };
}

/** How a special token is found in a text: as it is written, anywhere. */
const PLAIN_SPECIAL = { single_word: false, lstrip: false, rstrip: false, normalized: false, special: true };

/**
 * Whether what stands between blanks is encoded the same wherever it stands, as in BERT: its normaliser changes no letter because of another word's, its
 * pre-tokeniser cuts at every blank, and WordPiece sees a word at a time. (Tokens found in the text itself could hold blanks.)
 */
const isByWords = ({ model, normalizer, pre_tokenizer, added_tokens = [] }: TokenizerJson): boolean =>
  model.type === 'WordPiece' &&
  (!normalizer || normalizer.type === 'BertNormalizer') &&
  pre_tokenizer?.type === 'BertPreTokenizer' &&
  added_tokens.every((token) => token.special);

const BYTE_LEVEL = 'ByteLevel';
const METASPACE = 'Metaspace';

/** Its pre-tokenizer, or those that are applied one after another. */
const preTokenizers = ({ pre_tokenizer: found }: TokenizerJson): readonly PreTokenizer[] => (found ? (found.pretokenizers ?? [found]) : []);

/** What tells the first token of a word from the others: bytes as GPT-2 writes them mark its space, as SentencePiece does; WordPiece marks the rest. */
function wordStart(json: TokenizerJson): (token: string) => boolean {
  const types = preTokenizers(json).map(({ type }) => type);
  // A tab or a line break is a word of its own, and so is punctuation, which BERT splits off as well.
  if (types.includes(BYTE_LEVEL)) return (token) => /^[ĠĉĊč!-/:-@[-`{-~]/.test(token);
  if (types.includes(METASPACE)) return (token) => token.startsWith('▁');
  return (token) => !token.startsWith('##');
}

/**
 * A tokenizer that takes special tokens for plain text. The sentences of a corpus come to it one by one, so bytes begin with the space that they had
 * before them.
 */
function withoutSpecials(json: TokenizerJson): NativeTokenizer {
  const spaced = (each: PreTokenizer): PreTokenizer =>
    each.type === BYTE_LEVEL ? ({ ...each, add_prefix_space: true } as PreTokenizer) : each;
  const { pre_tokenizer: found } = json;
  const pre_tokenizer = found?.pretokenizers ? { ...found, pretokenizers: found.pretokenizers.map(spaced) } : found && spaced(found);
  const build = (added_tokens: TokenizerJson['added_tokens']): NativeTokenizer =>
    NativeTokenizer.fromString(JSON.stringify({ ...json, pre_tokenizer, added_tokens }));
  const added = (json.added_tokens ?? []).filter((token) => !token.special);
  const plain = build(added);
  // Ids are given out anew: where special tokens were between them, others would become them.
  return added.every(({ content, id }) => plain.tokenToId(content) === id) ? plain : build([]);
}

const special = (id: string, type_id: number): object => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id: number): object => ({ Sequence: { id, type_id } });

/** The library counts code points, the editor UTF-16 code units; a lone surrogate is one of either. */
function utf16Spans(text: string, encoding: JsEncoding): Span[] {
  const offsets = encoding.getOffsets() as [number, number][];
  const units = /[\ud800-\udbff][\udc00-\udfff]/.test(text) ? unitOfCodePoint(text) : undefined;
  const unitAt = (place: number): number => units?.[place] ?? place;
  return offsets.map(([first, last], i) => {
    const next = unitAt(offsets[i + 1]?.[0] ?? Infinity);
    let [start, end] = [unitAt(first), unitAt(last)];
    // Bytes begin with the space before a word: it is not the word's.
    while (start < end && text[start] === ' ') start++;
    // Accents are stripped before the text is cut, so a span ends before the combining marks of its last letter: take them in, but for those of
    // which another token is made.
    while (end < next && isCombining(text.charCodeAt(end))) end++;
    return { start, end };
  });
}

const isCombining = (unit: number): boolean => unit >= 0x300 && unit <= 0x36f;

/** For each code point of a text, and for its end, the code unit where it starts. */
function unitOfCodePoint(text: string): Uint32Array {
  const units = new Uint32Array(text.length + 1);
  let count = 0;
  for (let unit = 0; unit < text.length; unit += text.codePointAt(unit)! > 0xffff ? 2 : 1) units[count++] = unit;
  units[count] = text.length;
  return units;
}
