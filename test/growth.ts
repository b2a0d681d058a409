/**
 * How many times as long four times as much takes: about 4 where the cost is linear, 16 where it is quadratic. Both sizes are worked on in turns,
 * and the least of each counts, so that whatever else the machine does weighs on neither.
 */
export function growth(work: (size: number) => unknown, size: number): number {
  const least = [Infinity, Infinity];
  for (let round = 0; round < 7; round += 1) {
    for (const [i, factor] of [1, 4].entries()) {
      const begun = performance.now();
      work(size * factor);
      least[i] = Math.min(least[i] ?? Infinity, performance.now() - begun);
    }
  }
  const [once = Infinity, fourTimes = Infinity] = least;
  return fourTimes / once;
}

/** Between the two. */
export const linear = 9;
