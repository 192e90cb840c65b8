import { VIEW_MIME, type View } from '../shared/views';
import { twinOf } from './html';

/** What a notebook shows of a value, by MIME type. */
export type Bundle = Readonly<Record<string, unknown>>;

/** The method by which a value says what a notebook shows of it. */
const DISPLAY = Symbol.for('objective-lab.display');

/** A view with its static twins, which any other program can show. */
export const bundleOfView = (view: View): Bundle => ({ [VIEW_MIME]: view, ...twinOf(view) });

/** Lets a value be shown as a view; nothing else of it changes. */
export function shownAs<T extends object>(value: T, view: () => View): T {
  return shownBy(value, () => bundleOfView(view()));
}

/** The same with all that is shown. */
export function shownBy<T extends object>(value: T, bundle: () => Bundle): T {
  Object.defineProperty(value, DISPLAY, { value: bundle, enumerable: false, configurable: true });
  return value;
}

/** What a value that says how it is shown is shown as; undefined for any other. */
export function bundleOf(value: unknown): Bundle | undefined {
  if (typeof value !== 'object' || value === null || !(DISPLAY in value)) return undefined;
  return (value as { [DISPLAY]: () => Bundle })[DISPLAY]();
}
