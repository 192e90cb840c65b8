import * as z from 'zod';

/** The sizes that have a name. Tiny, mini and small are those of Turc et al. (2019, arXiv 1908.08962), base is BERT's own (arXiv 1810.04805). */
export const PRESETS = {
  tiny: { layers: 2, hiddenSize: 128, attentionHeads: 2 },
  mini: { layers: 4, hiddenSize: 256, attentionHeads: 4 },
  small: { layers: 4, hiddenSize: 512, attentionHeads: 8 },
  base: { layers: 12, hiddenSize: 768, attentionHeads: 12 },
} as const;

export const Preset = z.enum(['tiny', 'mini', 'small', 'base']);
export type Preset = z.infer<typeof Preset>;

/** What the editor's completion says beside each preset; `enumDescriptions` is an extension of VS Code's to JSON Schema. */
const presetMeta = {
  enumDescriptions: Preset.options.map((name) => {
    const { layers, hiddenSize, attentionHeads } = PRESETS[name];
    return `${layers} layers, hidden size ${hiddenSize}, ${attentionHeads} attention heads.`;
  }),
};

const CustomModel = z.strictObject({
  preset: Preset.default('tiny').meta({
    ...presetMeta,
    description: 'The size to start from (tiny, mini, small or base); the fields beside it override single numbers of it. Default: tiny.',
  }),
  layers: z
    .int()
    .min(1)
    .max(96)
    .optional()
    .describe(
      'How many Transformer blocks are stacked; each refines the vectors of the one before it. Time a step grows in proportion. Default: that of the preset.',
    ),
  hiddenSize: z
    .int()
    .min(1)
    .max(8192)
    .optional()
    .describe(
      'How many numbers stand for one token inside the model (the width of its vectors). Parameters and time grow with its square. It must be a multiple of attentionHeads. Default: that of the preset.',
    ),
  attentionHeads: z
    .int()
    .min(1)
    .max(128)
    .optional()
    .describe(
      'How many attention patterns each layer computes side by side; each works on hiddenSize / attentionHeads numbers, usually 64. Default: that of the preset.',
    ),
  intermediateSize: z
    .int()
    .min(1)
    .max(65_536)
    .optional()
    .describe('Width of the feed-forward network inside each layer, in numbers. Default: 4 × hiddenSize, as in BERT.'),
  maxPositions: z
    .int()
    .min(8)
    .max(8192)
    .default(512)
    .describe('The longest sequence, in tokens, that the model can ever read: each place has a learned vector of its own. Default: 512.'),
  dropout: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.1)
    .describe(
      'Probability (0 to 0.9) with which each activation is set to zero in training, so that the model cannot rely on any single one. Contrastive learning takes its two views of a sentence from it. Default: 0.1.',
    ),
  attentionDropout: z
    .number()
    .min(0)
    .max(0.9)
    .default(0.1)
    .describe('The same probability (0 to 0.9) for the attention weights: which tokens a token looks at. Default: 0.1.'),
});

// Loose, so that a size beside `from` is answered with the reason why it cannot be there.
const PretrainedModel = z
  .looseObject({
    from: z
      .string()
      .min(1)
      .describe(
        "The model to go on from: a folder as Hugging Face lays it out, relative to the experiment's own, or a name of the Hugging Face hub (owner/name, or owner/name@revision), from which it is downloaded once. BERT, RoBERTa, DistilBERT, MPNet and what has their architecture; sizes and tokenizer are the model's own.",
      ),
    dropout: z
      .number()
      .min(0)
      .max(0.9)
      .optional()
      .describe('Probability of dropout (0 to 0.9) in further training. Default: the one in its config.json.'),
    attentionDropout: z
      .number()
      .min(0)
      .max(0.9)
      .optional()
      .describe('The same for the attention weights. Default: the one in its config.json.'),
  })
  .meta({ additionalProperties: false });
export type PretrainedModel = Pick<z.output<typeof PretrainedModel>, 'from' | 'dropout' | 'attentionDropout'>;

/** What may stand beside `from`. */
export const PRETRAINED_FIELDS: readonly string[] = Object.keys(PretrainedModel.shape);

export const Model = z
  .union([Preset.meta(presetMeta), CustomModel, PretrainedModel])
  .default('tiny')
  .describe(
    'The size of the BERT encoder: the name of a preset (tiny, mini, small, base), or an object that overrides single numbers of one. Tiny trains on a laptop in minutes. Or `{ "from": … }`: a pre-trained model to go on from. Default: tiny.',
  );
export type Model = z.output<typeof Model>;
/** A model whose size the experiment states. */
export type SizedModel = Preset | z.output<typeof CustomModel>;

export const isPretrained = (model: Model): model is Model & PretrainedModel => typeof model === 'object' && 'from' in model;

/** What the object `{ "preset": … }` means: the name of a preset alone is short for it. */
export const presetModel = (preset: Preset): z.output<typeof CustomModel> => CustomModel.parse({ preset });
