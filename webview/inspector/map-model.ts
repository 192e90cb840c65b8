/** Where the points of a map [units][2] stand in a box, in pixels, `margin` off its edges: one scale for both axes, since their distances are compared; up is up. */
export function placePoints(points: Float32Array, width: number, height: number, margin: number): Float32Array {
  const placed = new Float32Array(points.length);
  const bounds = [0, 1].map((axis) => {
    let [low, high] = [Infinity, -Infinity];
    for (let i = axis; i < points.length; i += 2) [low, high] = [Math.min(low, points[i]!), Math.max(high, points[i]!)];
    return { middle: (low + high) / 2, extent: high - low };
  });
  const [across, up] = [bounds[0]!, bounds[1]!];
  const room = [width - 2 * margin, height - 2 * margin] as const;
  const scale = Math.min(room[0] / across.extent, room[1] / up.extent);
  // Points that all stand in one place have no extent.
  const finite = Number.isFinite(scale) ? scale : 0;
  for (let i = 0; i < points.length; i += 2) {
    placed[i] = width / 2 + (points[i]! - across.middle) * finite;
    placed[i + 1] = height / 2 - (points[i + 1]! - up.middle) * finite;
  }
  return placed;
}

/** The point nearest to (`x`, `y`) within `reach` pixels. */
export function nearestPoint(placed: Float32Array, x: number, y: number, reach: number): number | undefined {
  let [best, found] = [reach, undefined as number | undefined];
  for (let i = 0; i < placed.length; i += 2) {
    const distance = Math.hypot(placed[i]! - x, placed[i + 1]! - y);
    if (distance <= best) [best, found] = [distance, i / 2];
  }
  return found;
}

/**
 * The next point from `from` in a direction: the nearest of those within 45° of it, otherwise of those within 90°, where a step aside counts double.
 * Undefined at the edge.
 */
export function pointTowards(placed: Float32Array, from: number, right: -1 | 0 | 1, down: -1 | 0 | 1): number | undefined {
  let [best, found] = [Infinity, undefined as number | undefined];
  for (let i = 0; i < placed.length; i += 2) {
    const [dx, dy] = [placed[i]! - placed[2 * from]!, placed[i + 1]! - placed[2 * from + 1]!];
    const ahead = dx * right + dy * down;
    const aside = Math.abs(dx * down - dy * right);
    if (i === 2 * from || ahead <= 0) continue;
    const cost = aside <= ahead ? Math.hypot(ahead, aside) : 1e6 + ahead + 2 * aside;
    if (cost < best) [best, found] = [cost, i / 2];
  }
  return found;
}
