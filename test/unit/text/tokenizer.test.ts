import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/shared/errors';
import { Tokenizer } from '../../../src/text/tokenizer';

const TEXT = 'The whale and the whaling ship. Whales sail the sea; sailors see whales. A café, 中文 and 😀 too, 1851. '.repeat(3);
const folder = mkdtempSync(join(tmpdir(), 'tokenizer-'));
let tokenizer: Tokenizer;

beforeAll(async () => {
  tokenizer = await Tokenizer.train([TEXT], { vocabularySize: 200, lowercase: true });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The text that each token covers. */
const covered = async (text: string): Promise<string[]> =>
  (await tokenizer.encode(text)).spans.map(({ start, end }) => text.slice(start, end));
const tokens = async (text: string): Promise<string[]> => Array.from((await tokenizer.encode(text)).ids, (id) => tokenizer.token(id));

describe('training', () => {
  it('puts the special tokens first', () => {
    expect([0, 1, 2, 3, 4].map((id) => tokenizer.token(id))).toEqual(['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]']);
    expect(tokenizer.special).toEqual({ pad: 0, unk: 1, cls: 2, sep: 3, mask: 4 });
  });

  it('gives the same tokenizer for the same text, however it is cut', async () => {
    const again = await Tokenizer.train(TEXT.match(/[^ ]+ /g)!, { vocabularySize: 200, lowercase: true });
    expect(again.json).toBe(tokenizer.json);
  });

  it('keeps to the size, and takes less where the text has no more to give', async () => {
    const small = await Tokenizer.train([TEXT], { vocabularySize: 60, lowercase: true });
    expect(small.vocabularySize).toBe(60);
    const scant = await Tokenizer.train(['a b'], { vocabularySize: 100, lowercase: true });
    expect(scant.vocabularySize).toBe(7);
  });

  it('gives a smaller vocabulary as a prefix of the merges of a larger one', async () => {
    const smaller = await Tokenizer.train([TEXT], { vocabularySize: 150, lowercase: true });
    const all = new Set(Array.from({ length: tokenizer.vocabularySize }, (_, id) => tokenizer.token(id)));
    for (let id = 0; id < smaller.vocabularySize; id++) expect(all).toContain(smaller.token(id));
  });

  it('learns the most frequent words whole', async () => {
    expect(await tokens('the whales')).toEqual(['the', 'whales']);
  });

  it('leaves capitals and accents alone if asked', async () => {
    const cased = await Tokenizer.train([TEXT], { vocabularySize: 200, lowercase: false });
    expect(cased.id('The')).toBeDefined();
    expect(cased.id('##é')).toBeDefined();
    expect(tokenizer.id('##é')).toBeUndefined();
  });

  it('stops when it is told to', async () => {
    await expect(Tokenizer.train([TEXT], { vocabularySize: 200, lowercase: true }, AbortSignal.abort())).rejects.toThrow('aborted');
  });
});

describe('encoding', () => {
  it.each([
    ['an emoji before', '😀 the whale', ['😀', 'the', 'whale']],
    ['a combining mark', 'the cafe\u0301 the', ['the', 'cafe\u0301', 'the']],
    ['Chinese characters', 'the 中文', ['the', '中', '文']],
    ['a line end of two characters', 'the\r\nwhale', ['the', 'whale']],
    ['a byte order mark', '\ufeffthe whale', ['the', 'whale']],
    ['a character outside the vocabulary', 'the 🐳 the', ['the', '🐳', 'the']],
  ])('says where tokens stand after %s', async (_, text, expected) => {
    const { ids, spans } = await tokenizer.encode(text);
    const words: string[] = [];
    spans.forEach(({ start, end }, i) => {
      const part = text.slice(start, end);
      if (tokenizer.token(ids[i]!).startsWith('##')) words.push(words.pop()! + part);
      else words.push(part);
    });
    expect(words).toEqual(expected);
  });

  it('survives lone surrogates and keeps its place behind them', async () => {
    expect((await covered('\ud800 the whale')).slice(-2)).toEqual(['the', 'whale']);
    expect((await covered('😀\udc00 the 😀 whale\ud83d')).at(1)).toBe('the');
  });

  it('adds no special tokens, and none come of an empty text', async () => {
    expect(await tokens('the')).toEqual(['the']);
    expect((await tokenizer.encode('')).ids).toHaveLength(0);
  });

  it('reads [MASK] as the mask token, in a corpus as plain text', async () => {
    const { ids, spans } = await tokenizer.encode('the [MASK] sea');
    expect(ids[1]).toBe(4);
    expect(spans[1]).toEqual({ start: 4, end: 10 });
    const [plain] = await tokenizer.encodeBatch(['the [MASK] [SEP] sea']);
    expect(Array.from(plain!).filter((id) => id === 4 || id === 3)).toEqual([]);
  });

  it('encodes a batch as it encodes one by one', async () => {
    const texts = ['the whale', '', 'a ship; 😀'];
    const batch = await tokenizer.encodeBatch(texts);
    expect(batch).toEqual(await Promise.all(texts.map(async (text) => (await tokenizer.encode(text)).ids)));
  });

  it('knows where words start', async () => {
    const { ids } = await tokenizer.encode('sailed [MASK]');
    const starts = Array.from(ids, (id) => tokenizer.startsWord(id));
    expect(starts[0]).toBe(true);
    expect(starts.slice(1)).toEqual(starts.slice(1).map(() => false));
    expect(ids.length).toBeGreaterThan(2);
  });
});

describe('files', () => {
  it('come back as they were saved', async () => {
    const path = join(folder, 'tokenizer.json');
    tokenizer.save(path);
    const loaded = Tokenizer.load(path);
    expect(loaded.vocabularySize).toBe(tokenizer.vocabularySize);
    expect(await loaded.encode('The [MASK] whales sailed')).toEqual(await tokenizer.encode('The [MASK] whales sailed'));
  });

  it('may number their special tokens as they like, truncate, and lack a mask', async () => {
    const vocab = { the: 0, whale: 1, '[SEP]': 7, '[CLS]': 8, '[UNK]': 9, '[PAD]': 12 };
    const path = join(folder, 'other.json');
    const model = { type: 'WordPiece', unk_token: '[UNK]', continuing_subword_prefix: '##', max_input_chars_per_word: 100, vocab };
    const truncation = { direction: 'Right', max_length: 2, strategy: 'LongestFirst', stride: 0 };
    const json = { ...(JSON.parse(tokenizer.json) as object), added_tokens: [], truncation, post_processor: null, model };
    writeFileSync(path, JSON.stringify(json));
    const other = Tokenizer.load(path);
    expect(other.special).toEqual({ pad: 12, unk: 9, cls: 8, sep: 7, mask: undefined });
    expect(other.vocabularySize).toBe(13);
    expect(Array.from((await other.encode('the whale the whale')).ids)).toEqual([0, 1, 0, 1]);
  });

  it('that are missing, no tokenizer, or lack [SEP] are a mistake that names the file', () => {
    const path = join(folder, 'broken.json');
    expect(() => Tokenizer.load(join(folder, 'none.json'))).toThrow(UserError);
    writeFileSync(path, '{"a": 1}');
    expect(() => Tokenizer.load(path)).toThrow(/broken\.json is not a tokenizer/);
    const json = tokenizer.json.replaceAll('[SEP]', '[END]');
    writeFileSync(path, json);
    expect(() => Tokenizer.load(path)).toThrow(/broken\.json has no \[SEP\] token/);
  });
});

describe('tokenizers of other kinds', () => {
  const tokensOf = (tokenizer: Tokenizer, ids: Iterable<number>): string[] => Array.from(ids, (id) => tokenizer.token(id));
  const wordsOf = (tokenizer: Tokenizer, ids: Iterable<number>): string[] => {
    const words: string[] = [];
    for (const id of ids) {
      if (tokenizer.startsWord(id)) words.push('');
      words.push(`${words.pop() ?? ''}${tokenizer.token(id)}`);
    }
    return words;
  };

  it('of bytes mark the space before a word, in a corpus before its first as well', async () => {
    const roberta = Tokenizer.ofModel('test/oracle/families/roberta');
    expect(roberta.special).toEqual({ pad: 1, unk: 3, cls: 0, sep: 2, mask: 270 });
    const text = "sailors don't sail; the sailor <mask>";
    const { ids } = await roberta.encode(text);
    expect(wordsOf(roberta, ids)).toEqual(['sailors', 'Ġdon', "'t", 'Ġsail', ';', 'Ġthe', 'Ġsailor<mask>']);
    expect(tokensOf(roberta, ids).at(-1)).toBe('<mask>');
    const [plain] = await roberta.encodeBatch([text]);
    expect(wordsOf(roberta, plain!)).toEqual(['Ġsailors', 'Ġdon', "'t", 'Ġsail', ';', 'Ġthe', 'Ġsailor', 'Ġ', '<mask', '>']);
  });

  it('of SentencePiece mark it by ▁', async () => {
    const vocab = [
      ['<s>', 0],
      ['<pad>', 0],
      ['</s>', 0],
      ['<unk>', 0],
      ['▁the', -1],
      ['▁sail', -1],
      ['or', -1],
      ['s', -2],
      ['<mask>', 0],
    ];
    const path = join(folder, 'unigram.json');
    const json = {
      version: '1.0',
      added_tokens: ['<s>', '<pad>', '</s>', '<unk>', '<mask>'].map((content) => ({
        ...{ single_word: false, lstrip: content === '<mask>', rstrip: false, normalized: false, special: true },
        id: vocab.findIndex(([token]) => token === content),
        content,
      })),
      normalizer: null,
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true },
      post_processor: null,
      decoder: null,
      model: { type: 'Unigram', unk_id: 3, vocab, byte_fallback: false },
    };
    writeFileSync(path, JSON.stringify(json));
    const unigram = Tokenizer.load(path);
    const { ids, spans } = await unigram.encode('the sailors <mask>');
    expect(tokensOf(unigram, ids)).toEqual(['▁the', '▁sail', 'or', 's', '<mask>']);
    expect(wordsOf(unigram, ids)).toEqual(['▁the', '▁sailors<mask>']);
    expect(spans.map(({ start, end }) => [start, end])).toEqual([
      [0, 3],
      [4, 8],
      [8, 10],
      [10, 11],
      [12, 18],
    ]);
  });

  it('keep the ids of added tokens in a corpus, or take them for text', async () => {
    const json = JSON.parse(tokenizer.json) as { added_tokens: object[] };
    const add = (...tokens: [content: string, special: boolean][]): Tokenizer => {
      const path = join(folder, 'added.json');
      const added = tokens.map(([content, special], i) => ({
        ...json.added_tokens[0],
        id: tokenizer.vocabularySize + i,
        content,
        special,
      }));
      writeFileSync(path, JSON.stringify({ ...json, added_tokens: [...json.added_tokens, ...added] }));
      return Tokenizer.load(path);
    };
    const [kept] = await add(['pequod', false], ['<extra>', true]).encodeBatch(['pequod']);
    expect([...kept!]).toEqual([tokenizer.vocabularySize]);
    const [spelled] = await add(['<extra>', true], ['pequod', false]).encodeBatch(['pequod']);
    expect([...spelled!]).toEqual([...(await tokenizer.encode('pequod')).ids]);
  });
});
