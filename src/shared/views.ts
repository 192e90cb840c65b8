import * as z from 'zod/mini';

/** The MIME type of what a notebook shows by our own renderer: JSON that fits {@link View}. */
export const VIEW_MIME = 'application/vnd.objective-lab+json';

const Numbers = z.array(z.number());
/** A number; null stands for what is none, such as the loss of a run that has diverged: JSON has no other way to say it. */
const Quantity = z.nullable(z.number());

export const quantity = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** Candidates for each hidden place of a text, as bars; `truth` is what stands there. */
export const PredictionsView = z.object({
  kind: z.literal('predictions'),
  places: z.array(
    z.object({
      /** What stands to the left and to the right. */
      before: z.string(),
      after: z.string(),
      candidates: z.array(z.object({ text: z.string(), probability: z.number() })),
      truth: z.optional(z.object({ text: z.string(), probability: z.number(), rank: z.int() })),
    }),
  ),
});
export type PredictionsView = z.infer<typeof PredictionsView>;

/** A matrix [rows][columns] of numbers, row-major, drawn as colours from `low` to `high`. */
export const HeatmapView = z
  .object({
    kind: z.literal('heatmap'),
    rows: z.array(z.string()),
    columns: z.array(z.string()),
    values: z.array(Quantity),
    low: z.number(),
    high: z.number(),
  })
  .check(z.refine(({ rows, columns, values }) => rows.length * columns.length === values.length, 'as many values as cells'));
export type HeatmapView = z.infer<typeof HeatmapView>;

/** Texts in the plane; those of one `group` have one colour. */
export const MapView = z.object({
  kind: z.literal('map'),
  points: z.array(z.object({ text: z.string(), x: z.number(), y: z.number(), group: z.optional(z.string()) })),
});
export type MapView = z.infer<typeof MapView>;

/** The curves of a run, see `Plot`, under a line that says how far it is. */
export const CurveView = z.object({
  kind: z.literal('curve'),
  title: z.string(),
  note: z.string(),
  plots: z.array(
    z.object({
      title: z.string(),
      steps: Numbers,
      series: z.array(
        z.object({
          label: z.string(),
          role: z.union([z.enum(['noise', 'training', 'held-out', 'baseline']), z.int()]),
          values: z.array(z.nullable(z.number())),
        }),
      ),
      logarithmic: z._default(z.boolean(), false),
    }),
  ),
});
export type CurveView = z.infer<typeof CurveView>;

export const TableCell = z.union([z.string(), z.number(), z.boolean(), z.null()]);
export type TableCell = z.infer<typeof TableCell>;

export const TableView = z.object({
  kind: z.literal('table'),
  columns: z.array(z.string()),
  rows: z.array(z.array(TableCell)),
  note: z.optional(z.string()),
});
export type TableView = z.infer<typeof TableView>;

/** A text whose parts are marked the more, the higher their `value` in 0…1; `title` says what the mark means. */
export const TextView = z.object({
  kind: z.literal('text'),
  parts: z.array(z.object({ text: z.string(), value: z.optional(z.number()), title: z.optional(z.string()) })),
  note: z.optional(z.string()),
});
export type TextView = z.infer<typeof TextView>;

/** Quantities side by side. */
export const BarsView = z.object({
  kind: z.literal('bars'),
  title: z.string(),
  bars: z.array(z.object({ label: z.string(), value: Quantity, shown: z.string() })),
});
export type BarsView = z.infer<typeof BarsView>;

/** Where the bar of a value begins and how long it is, as shares of the room: all bars stand on one zero, and negative ones go to its left. */
export function barOf(value: number | null, { bars }: Pick<BarsView, 'bars'>): { start: number; length: number } {
  const values = bars.map((bar) => bar.value ?? 0);
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const room = high - low || 1;
  const shown = value ?? 0;
  return { start: (Math.min(0, shown) - low) / room, length: Math.abs(shown) / room };
}

/** What a notebook shows, as data: a renderer and a static twin in HTML or SVG each draw it. */
export const View = z.union([PredictionsView, HeatmapView, MapView, CurveView, TableView, TextView, BarsView]);
export type View = z.infer<typeof View>;
