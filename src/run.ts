import { main } from './main.ts';
import { realSystem } from './terminal.ts';

/** Runs the command line of this process; `threadFile` is what threads run. The exit status is set, not forced, so that what was printed is flushed. */
export async function run(threadFile: string): Promise<void> {
  process.exitCode = await main(realSystem(threadFile));
}
