/** What an alternative reaches on two tasks. */
export interface Place {
  readonly variant: string;
  readonly x: number;
  readonly y: number;
}

/** Those that no other is at least as good as on both tasks, and better on one; by x. */
export function paretoFront<P extends Place>(places: readonly P[], x: 'higher' | 'lower', y: 'higher' | 'lower'): P[] {
  const [forX, forY] = [x === 'higher' ? 1 : -1, y === 'higher' ? 1 : -1];
  const beats = (a: Place, b: Place): boolean => {
    const [byX, byY] = [forX * (a.x - b.x), forY * (a.y - b.y)];
    return byX >= 0 && byY >= 0 && byX + byY > 0;
  };
  return places.filter((place) => !places.some((other) => beats(other, place))).sort((a, b) => a.x - b.x);
}
