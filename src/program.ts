export { run } from './run.ts';

/** What a thread of the program runs; loaded by it only. */
export async function runWorker(): Promise<void> {
  const worker = await import('./worker.ts');
  worker.runWorker();
}
