import { describe, expect, it } from 'vitest';
import type * as z from 'zod';
import { checkExperiment, parseExperiment } from '../../../src/experiment/parse';
import { type Experiment } from '../../../src/experiment/schema';
import { UserError } from '../../../src/shared/errors';
import { type Objective, schema } from './standIn';

const parse = (text: string, file = 'quickstart.lab.json'): Experiment<z.output<typeof Objective>> => parseExperiment(text, schema, file);
/** What is marked in the text, with its message. */
const check = (text: string): [string, string][] =>
  checkExperiment(text, schema).map(({ start, end, message }) => [text.slice(start, end), message]);
const training = (fields: string): string => `{ "objectives": [{ "type": "mlm" }], "training": { ${fields} } }`;
const model = (fields: string): string => `{ "objectives": [{ "type": "mlm" }], "model": ${fields} }`;

function failure(text: string, file: string): UserError {
  try {
    parse(text, file);
  } catch (error) {
    if (error instanceof UserError) return error;
  }
  throw new Error('It was accepted.');
}

describe('parseExperiment', () => {
  it('writes every default out when only the objectives are given', () => {
    expect(parse('{ "objectives": [{ "type": "mlm" }] }')).toEqual({
      name: 'quickstart',
      seed: 1,
      corpus: { root: '.', include: ['**/*.md', '**/*.txt'], exclude: [], code: false, heldOut: 0.1 },
      tokenizer: { vocabularySize: 8192, lowercase: true },
      model: 'tiny',
      objectives: [{ type: 'mlm', weight: 1, batchSize: 16, sequenceLength: 64, rate: 0.15 }],
      probes: [],
      combination: { kind: 'sum' },
      training: {
        steps: 1000,
        device: 'auto',
        deviceIndex: 0,
        precision: 'fp32',
        recompute: false,
        learningRate: 1e-3,
        warmup: 0.1,
        schedule: 'linear',
        weightDecay: 0.01,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        gradientClip: 1,
        evaluateEvery: 100,
        checkpointEvery: 200,
        keepCheckpoints: 3,
        stepBacks: 0,
      },
    });
  });

  it('takes nothing from a field that JavaScript would make a prototype', () => {
    expect(check('{ "objectives": [{ "type": "mlm" }], "__proto__": { "seed": 3 } }')).toEqual([
      ['"__proto__"', expect.stringContaining('`__proto__` is not a known field') as string],
    ]);
    expect(check('{ "__proto__": { "objectives": [{ "type": "mlm" }] } }')).toHaveLength(2);
  });

  it('says that brackets are nested too deep, whatever they are and wherever they end', () => {
    for (const deep of ['['.repeat(50_000), '{"a":'.repeat(50_000), '[}'.repeat(50_000), `${'['.repeat(200)}${']'.repeat(200)}`])
      expect(check(deep)).toEqual([[deep, expect.stringContaining('more than 100 deep') as string]]);
  });

  it('marks nothing beyond the end of the text, and ends with it', () => {
    for (const text of ['{ "objectives": [{ "type": "mlm" }] }/*', '{"a":"', '{', '"', '/*', '/', '\\u12', '🐳']) {
      const problems = checkExperiment(text, schema);
      expect(problems.length).toBeGreaterThan(0);
      for (const { start, end } of problems) expect(0 <= start && start <= end && end <= text.length, text).toBe(true);
    }
  });

  it('keeps what is written, beside the defaults of the same section', () => {
    const { training, model, seed } = parse(
      '{ "seed": 7, "model": { "preset": "mini" }, "objectives": [{ "type": "mlm" }], "training": { "steps": 5, "threads": 2 } }',
    );
    expect(training).toMatchObject({ steps: 5, threads: 2, warmup: 0.1 });
    expect(model).toEqual({ preset: 'mini', maxPositions: 512, dropout: 0.1, attentionDropout: 0.1 });
    expect(seed).toBe(7);
  });

  it('never shares a default between two experiments', () => {
    const text = '{ "objectives": [{ "type": "mlm" }] }';
    parse(text).corpus.include.push('**/*.rst');
    expect(parse(text).corpus.include).toEqual(['**/*.md', '**/*.txt']);
  });

  it('reads comments, trailing commas and a byte order mark', () => {
    expect(parse('\uFEFF// first\n{ "objectives": [{ "type": "mlm", /* here */ },], }').objectives).toHaveLength(1);
  });

  it.each([
    ['quickstart.lab.json', 'quickstart'],
    ['samples/quick start.lab.json', 'quick start'],
    ['C:\\lab\\v1.2.lab.json', 'v1.2'],
    ['plain.json', 'plain'],
    ['.lab.json', 'experiment'],
  ])('names the experiment in %s after the file: %s', (file, name) => {
    expect(parse('{ "objectives": [{ "type": "mlm" }] }', file).name).toBe(name);
  });

  it('prefers the written name', () => {
    expect(parse('{ "name": "mine", "objectives": [{ "type": "mlm" }] }').name).toBe('mine');
  });

  it('names file, line, column, field and rule of a mistake', () => {
    const error = failure('{\r\n  "objectives": [\r\n    { "type": "mlm", "rate": "high" }\r\n  ]\r\n}', 'lab/a.lab.json');
    expect(error.message).toBe('lab/a.lab.json:3:30: `objectives[0].rate` must be a number between 0.01 and 0.9, not "high".');
    expect(error.code).toBe('experiment');
    expect(error.hint).toBeTruthy();
  });

  it('lists the first five problems, a line each, and counts the rest', () => {
    const error = failure(
      training('"steps": 0, "warmup": 2, "beta1": 1, "beta2": 1, "epsilon": 0, "threads": 0, "nonsense": 0'),
      'a.lab.json',
    );
    const lines = error.message.split('\n');
    expect(lines).toHaveLength(6);
    expect(lines[0]).toMatch(/^a\.lab\.json:1:\d+: `training\.steps` must be/);
    expect(lines.at(-1)).toBe('… and 2 more problems.');
  });
});

describe('the message about a value', () => {
  it.each([
    [training('"steps": 1.5'), '1.5', '`training.steps` must be a whole number between 1 and 100000000, not 1.5.'],
    [training('"steps": null'), 'null', '`training.steps` must be a whole number between 1 and 100000000, not null.'],
    [training('"warmup": -0.1'), '-0.1', '`training.warmup` must be a number between 0 and 1, not -0.1.'],
    [training('"beta1": 1'), '1', '`training.beta1` must be a number of at least 0 and below 1, not 1.'],
    [training('"gradientClip": 0'), '0', '`training.gradientClip` must be a number above 0, not 0.'],
    [
      training('"schedule": "cosin"'),
      '"cosin"',
      '`training.schedule` must be "linear", "cosine" or "constant", not "cosin". Did you mean "cosine"?',
    ],
    [training('"device": "tpu-pod"'), '"tpu-pod"', '`training.device` must be "auto", "cpu", "cuda" or "webgpu", not "tpu-pod".'],
    ['{ "objectives": [] }', '"objectives"', '`objectives` must be a list [ … ] that is not empty, not an empty list.'],
    ['{ "objectives": "mlm" }', '"mlm"', '`objectives` must be a list [ … ] that is not empty, not "mlm".'],
    ['{ "objectives": ["mlm"] }', '"mlm"', '`objectives[0]` must be an object { … }, not "mlm".'],
    ['{ "seed": 1 }', '{', '`objectives` is missing. It must be a list [ … ] that is not empty.'],
    ['[]', '[', 'The experiment must be an object { … }, not an empty list.'],
    [
      '{ "name": "", "objectives": [{ "type": "mlm" }] }',
      '""',
      '`name` must be a text in quotes that is not empty, at most 80 characters, not "".',
    ],
    ['{ "corpus": { "code": "yes" }, "objectives": [{ "type": "mlm" }] }', '"yes"', '`corpus.code` must be true or false, not "yes".'],
    [
      '{ "corpus": { "include": ["*.md", 3] }, "objectives": [{ "type": "mlm" }] }',
      '3',
      '`corpus.include[1]` must be a text in quotes that is not empty, not 3.',
    ],
    ['{ "corpus": "text", "objectives": [{ "type": "mlm" }] }', '"text"', '`corpus` must be an object { … }, not "text".'],
  ])('of %s marks %s', (text, marked, message) => {
    expect(check(text)).toEqual([[marked, message]]);
  });

  it('cuts a long text short', () => {
    expect(check(training(`"device": "${'x'.repeat(500)}"`))[0]![1].length).toBeLessThan(120);
  });

  it('lists the known types for an unknown objective', () => {
    expect(check('{ "objectives": [{ "type": "mlmm" }] }')).toEqual([
      ['"mlmm"', '`objectives[0].type` must be "mlm" or "contrastive", not "mlmm". Did you mean "mlm"?'],
    ]);
  });

  it('lists the known types for an objective without one, at its brace', () => {
    expect(check('{ "objectives": [{ "rate": 0.2 }] }')).toEqual([
      ['{', '`objectives[0].type` is missing. It must be "mlm" or "contrastive".'],
    ]);
  });

  it('explains a model by the branch it was meant to be', () => {
    expect(check(model('"tinny"'))).toEqual([
      ['"tinny"', '`model` must be "tiny", "mini", "small", "base" or an object { … }, not "tinny". Did you mean "tiny"?'],
    ]);
    expect(check(model('3'))).toEqual([['3', '`model` must be "tiny", "mini", "small", "base" or an object { … }, not 3.']]);
    expect(check(model('{ "preset": "large", "layers": 0, "heads": 2 }'))).toEqual([
      ['"large"', '`model.preset` must be "tiny", "mini", "small" or "base", not "large".'],
      ['0', '`model.layers` must be a whole number between 1 and 96, not 0.'],
      ['"heads"', expect.stringContaining('`model.heads` is not a known field. The fields here are `preset`, `layers`')],
    ]);
  });

  it("passes on the words of an objective's own rule", () => {
    expect(check('{ "objectives": [{ "type": "contrastive", "temperature": 0.5 }] }')).toEqual([
      ['0.5', '`objectives[0].temperature`: one half is not allowed here. Use 0.05.'],
    ]);
  });
});

describe('an unknown field', () => {
  it('is marked at its key, with the known one it resembles', () => {
    expect(check(training('"stpes": 10'))).toEqual([['"stpes"', '`training.stpes` is not a known field. Did you mean `steps`?']]);
    expect(check(training('"LearningRate": 10'))).toEqual([
      ['"LearningRate"', '`training.LearningRate` is not a known field. Did you mean `learningRate`?'],
    ]);
    expect(check('{ "objective": [{ "type": "mlm" }] }')).toContainEqual([
      '"objective"',
      '`objective` is not a known field. Did you mean `objectives`?',
    ]);
  });

  it('is compared only with the fields of its own objective', () => {
    expect(check('{ "objectives": [{ "type": "contrastive", "rate": 0.1 }] }')).toEqual([
      [
        '"rate"',
        '`objectives[0].rate` is not a known field. The fields here are `type`, `weight`, `batchSize`, `sequenceLength`, `temperature`, `pooling`.',
      ],
    ]);
  });

  it.each(['__proto__', 'constructor', 'a.b', ''])('may be called %j', (key) => {
    const problems = check(training(`${JSON.stringify(key)}: 1`));
    expect(problems).toHaveLength(1);
    expect(problems[0]![0]).toBe(JSON.stringify(key));
  });
});

describe('rules between fields', () => {
  it('wants the hidden size divisible by the heads, and says by which', () => {
    expect(check(model('{ "attentionHeads": 3 }'))).toEqual([
      ['3', '`model.attentionHeads`: a hidden size of 128 cannot be divided evenly among 3 attention heads. Use 2 or 4 heads.'],
    ]);
    expect(check(model('{ "preset": "base", "hiddenSize": 100 }'))).toEqual([
      ['100', '`model.hiddenSize`: a hidden size of 100 cannot be divided evenly among 12 attention heads. Use 96 or 108.'],
    ]);
    expect(check(model('{ "hiddenSize": 96, "attentionHeads": 3 }'))).toEqual([]);
  });

  it('wants sequences to fit the model', () => {
    const text = '{ "objectives": [{ "type": "mlm", "sequenceLength": 600 }] }';
    expect(check(text)).toEqual([
      [
        '600',
        '`objectives[0].sequenceLength`: sequences of 600 tokens do not fit a model of 512 positions. Use at most 512 here, or raise `model.maxPositions`.',
      ],
    ]);
    expect(check(text.replace('600', '512'))).toEqual([]);
  });

  it('holds a default to the same rule, and marks the objective', () => {
    const text = model('{ "maxPositions": 32 }');
    expect(checkExperiment(text, schema)).toEqual([
      {
        start: text.indexOf('{ "type"'),
        end: text.indexOf('{ "type"') + 1,
        severity: 'error',
        message: expect.stringContaining('64 tokens') as string,
      },
    ]);
  });

  it('wants each type of objective once', () => {
    expect(check('{ "objectives": [{ "type": "mlm" }, { "type": "contrastive" }, { "type": "mlm" }] }')).toEqual([
      ['"mlm"', '`objectives[2].type`: there is already an objective "mlm" (`objectives[0]`). Merge the two, or remove one.'],
    ]);
  });
});

describe('the combination of objectives', () => {
  const combined = (combination: string): string =>
    `{ "objectives": [{ "type": "mlm" }, { "type": "contrastive" }], "combination": ${combination} }`;
  const phases = (...list: [objectives: string, share: number][]): string =>
    combined(
      `{ "kind": "phases", "phases": [${list.map(([names, share]) => `{ "objectives": [${names}], "share": ${share} }`).join(', ')}] }`,
    );

  it.each([
    combined('{ "kind": "sum" }'),
    combined('{ "kind": "alternate", "ratio": { "mlm": 3, "contrastive": 1 } }'),
    phases(['"mlm"', 0.9], ['"contrastive"', 0.1]),
    phases(['"mlm"', 0.1], ['"mlm", "contrastive"', 0.2], ['"contrastive"', 0.7]),
  ])('is right: %s', (text) => {
    expect(check(text)).toEqual([]);
  });

  it.each([
    [
      combined('{ "kind": "alternate", "ratio": { "mlm": 3, "contrastive": 1, "nsp": 1 } }'),
      '"ratio"',
      '`combination.ratio`: `objectives` has no "nsp", only mlm, contrastive.',
    ],
    [
      combined('{ "kind": "alternate", "ratio": { "mlm": 3 } }'),
      '"ratio"',
      '`combination.ratio`: the objective "contrastive" is never trained. Name it here, or remove it from `objectives`.',
    ],
    [
      phases(['"mlm"', 0.5], ['"contrastive", "rtd"', 0.5]),
      '"objectives"',
      '`combination.phases[1].objectives`: `objectives` has no "rtd", only mlm, contrastive.',
    ],
    [
      phases(['"mlm"', 1]),
      '"phases"',
      '`combination.phases`: the objective "contrastive" is never trained. Name it here, or remove it from `objectives`.',
    ],
    [phases(['"mlm"', 0.5], ['"contrastive"', 0.4]), '"phases"', '`combination.phases`: the shares of the phases add up to 0.9, not to 1.'],
    [phases(['"mlm"', 0.8], ['"contrastive"', 0.8]), '"phases"', '`combination.phases`: the shares of the phases add up to 1.6, not to 1.'],
    [
      combined('{ "kind": "alternat", "ratio": {} }'),
      '"alternat"',
      '`combination.kind` must be "sum", "alternate" or "phases", not "alternat". Did you mean "alternate"?',
    ],
    [combined('{ "kind": "phases" }'), '"combination"', '`combination.phases` is missing. It must be a list [ … ] that is not empty.'],
    [
      phases(['"mlm", "contrastive"', 0], ['"mlm"', 1]),
      '0',
      '`combination.phases[0].share` must be a number above 0 and at most 1, not 0.',
    ],
    [
      phases(['"mlm", "contrastive"', 0.5], ['', 0.5]),
      '"objectives"',
      '`combination.phases[1].objectives` must be a list [ … ] that is not empty, not an empty list.',
    ],
    [
      combined('{ "kind": "sum", "ratio": { "mlm": 1 } }'),
      '"ratio"',
      '`combination.ratio` is not a known field. The fields here are `kind`.',
    ],
  ])('of %s marks %s', (text, marked, message) => {
    expect(check(text)).toEqual([[marked, message]]);
  });

  it('wants at least one phase', () => {
    const message = '`combination.phases` must be a list [ … ] that is not empty, not an empty list.';
    expect(check(combined('{ "kind": "phases", "phases": [] }'))).toContainEqual(['"phases"', message]);
  });

  it('forgives shares that are rounded', () => {
    expect(check(phases(['"mlm"', 0.3333333], ['"contrastive"', 0.3333333], ['"mlm"', 0.3333334]))).toEqual([]);
    expect(check(phases(['"mlm"', 0.7], ['"contrastive"', 0.1], ['"mlm"', 0.2]))).toEqual([]);
  });

  it.each(['0', '1.5', '"often"'])('wants whole numbers above 0 in a ratio, not %s', (number) => {
    const [[marked, message] = ['', ''], ...others] = check(
      combined(`{ "kind": "alternate", "ratio": { "mlm": ${number}, "contrastive": 1 } }`),
    );
    expect(marked).toBe(number);
    expect(message).toContain('`combination.ratio.mlm`');
    expect(others).toEqual([]);
  });
});

describe('checkExperiment', () => {
  it('finds nothing wrong with a good experiment', () => {
    expect(check('{ "objectives": [{ "type": "mlm" }, { "type": "contrastive" }] }')).toEqual([]);
  });

  it('counts offsets in UTF-16 code units', () => {
    const text = training('/* 🙂 */ "steps": "🙂"');
    expect(check(text)[0]![0]).toBe('"🙂"');
  });

  it('orders problems by their place', () => {
    const text = '{ "seed": -1, "objectives": [{ "type": "mlm", "rate": 2 }], "training": { "steps": 0 }, "zzz": 1 }';
    expect(check(text).map(([marked]) => marked)).toEqual(['-1', '2', '0', '"zzz"']);
  });

  it('marks the key where a value spans lines', () => {
    expect(check('{ "objectives": { "0": { "type": "mlm" } } }')[0]![0]).toBe('"objectives"');
  });

  it('reports a field that stands twice, and what is in it once', () => {
    const text = '{ "seed": 1, "objectives": [{ "type": "mlm", "rate": 0.1, "rate": 0.2 }], "seed": 2 }';
    const problems = checkExperiment(text, schema);
    expect(problems.map(({ start, message }) => [start, message])).toEqual([
      [text.lastIndexOf('"rate"'), '`rate` stands here a second time. Remove one of the two.'],
      [text.lastIndexOf('"seed"'), '`seed` stands here a second time. Remove one of the two.'],
    ]);
  });

  it.each([
    ['', 'The experiment is empty.'],
    ['  \n', 'The experiment is empty.'],
    ['// only a comment', 'A value is missing here.'],
    ['{ "seed": 1 "name": "x" }', 'A comma is missing before this.'],
    ['{ "seed" 1 }', 'A colon is missing here'],
    ['{ "seed": }', 'A value is missing here.'],
    ['{ "objectives": [1, 2 }', 'A comma is missing before this.'],
    ['{ "seed": 1', 'A closing brace } is missing here.'],
    ['{ "seed": 1 }}', 'The experiment has ended before this.'],
    ['{ seed: 1 }', 'Names and texts stand in double quotes.'],
    ["{ 'seed': 1 }", 'Names and texts stand in double quotes.'],
    ['{ "seed": tru }', 'This is neither a number, true, false, null nor a text.'],
    ['{ "name": "x\n }', 'This text has no closing double quote on its line.'],
    ['{ "name": "C:\\lab" }', 'After a backslash'],
    ['/* { }', 'This comment is never closed.'],
    ['{ "seed": 1,, }', "A field's name in double quotes is missing here"],
  ])('explains the syntax error in %j, once, within the text', (text, message) => {
    const problems = checkExperiment(text, schema);
    const [first] = problems;
    expect(first?.message).toContain(message);
    expect(first!.end).toBeLessThanOrEqual(text.length);
    expect(problems.filter(({ start }) => !text.slice(0, start).includes('\n'))).toHaveLength(1);
  });

  it('does not check the fields of a text with syntax errors', () => {
    expect(check('{ "seed": -1, "objectives": [ }')).toHaveLength(1);
  });
});
