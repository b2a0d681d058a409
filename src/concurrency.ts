/** Runs an action for each item, at most `jobs` at once, beginning them in order. After a failure none is begun any more, and it is thrown. */
export async function forEachAtOnce<T>(
  items: readonly T[],
  jobs: number,
  action: (item: T) => Promise<void>,
): Promise<void> {
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let item = items[next++]; item !== undefined; item = items[next++]) {
      try {
        await action(item);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(jobs, items.length) }, worker));
  const failed = outcomes.find(outcome => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
}
