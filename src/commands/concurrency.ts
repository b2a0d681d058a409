/** Runs an action for each item, at most `jobs` at once, beginning them in order. The first failure stops what has not begun, and is thrown. */
export async function forEachAtOnce<T>(
  items: readonly T[],
  jobs: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const worker = async (): Promise<void> => {
    for (const item of queue) await action(item);
  };
  try {
    await Promise.all(Array.from({ length: Math.min(jobs, items.length) }, worker));
  } finally {
    queue.return?.();
  }
}
