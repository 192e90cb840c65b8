/** Sizes a canvas for the screen's pixels, and clears it; the context then draws in CSS pixels. */
export function prepare(canvas: HTMLCanvasElement, width: number, height: number): CanvasRenderingContext2D {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = context2d(canvas);
  context.scale(ratio, ratio);
  return context;
}

/** Writes pixels (one number each, as in {@link colourTable}) onto a canvas of exactly their size. */
export function putPixels(canvas: HTMLCanvasElement, width: number, pixels: Uint32Array<ArrayBuffer>): void {
  canvas.width = width;
  canvas.height = pixels.length / width;
  context2d(canvas).putImageData(new ImageData(new Uint8ClampedArray(pixels.buffer), width), 0, 0);
}

function context2d(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const context = canvas.getContext('2d');
  if (!context) throw new Error('This browser has no 2D canvas.');
  return context;
}
