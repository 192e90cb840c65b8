/** How far a pressed pointer may tremble and still click, in pixels. */
const TREMBLE = 4;

/** Tells a pointer that hovers over a node, one that drags and one that clicks apart. Places are in pixels from the node's corner. */
export function dragOrClick(
  node: HTMLElement,
  events: {
    readonly hover: (x: number, y: number) => void;
    readonly drag: (dx: number, dy: number) => void;
    readonly click: (x: number, y: number) => void;
  },
): void {
  let from: { x: number; y: number } | undefined;
  let dragged = false;
  const place = (event: PointerEvent): readonly [number, number] => {
    const box = node.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  node.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    [from, dragged] = [{ x: event.clientX, y: event.clientY }, false];
  });
  node.addEventListener('pointermove', (event) => {
    if (!from) {
      events.hover(...place(event));
      return;
    }
    const [dx, dy] = [event.clientX - from.x, event.clientY - from.y];
    if (!dragged && Math.hypot(dx, dy) < TREMBLE) return;
    // Not before it drags: a click on a captured pointer would miss the elements within.
    if (!dragged) node.setPointerCapture(event.pointerId);
    dragged = true;
    from = { x: event.clientX, y: event.clientY };
    events.drag(dx, dy);
  });
  node.addEventListener('pointerup', (event) => {
    if (from && !dragged) events.click(...place(event));
    from = undefined;
  });
  node.addEventListener('pointercancel', () => (from = undefined));
}
