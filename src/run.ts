import { main } from './main.ts';
import { realSystem } from './terminal.ts';

/**
 * Runs the command line of this process; `threadFile` is what threads run. The exit status is set, not forced, so that what was printed is flushed.
 */
export async function run(threadFile: string | URL): Promise<void> {
  process.stdout.on('error', endQuietlyOnClosedPipe);
  process.exitCode = await main(realSystem(threadFile));
}

/** `mtlsctl inspect … | head -1` is no failure. */
function endQuietlyOnClosedPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
}
