import { exitStatusOf, MtlsctlError } from './errors.ts';
import { main } from './main.ts';
import { realSystem } from './terminal.ts';

/**
 * Runs the command line of this process; `threadFile` is what threads run. The exit status is set, not forced, so that what was printed is flushed;
 * what could not be printed is found out last of all.
 */
export async function run(threadFile: string): Promise<void> {
  const system = realSystem(threadFile);
  process.on('exit', () => {
    const { problem } = system.stdout;
    if (problem === undefined) return;
    const error = new MtlsctlError('unwritable', `cannot write standard output (${problem})`);
    const hint = 'see that there is room where standard output goes: ls -lL /proc/self/fd/1; df -h';
    system.stderr.end(`mtlsctl: error: ${error.message} [${error.code}]\nmtlsctl: hint: ${hint}\n`);
    process.exitCode = exitStatusOf(error);
  });
  // All is done and flushed. To take its heap apart piece by piece takes Node another millisecond, which a process that ends can leave to the system.
  process.on('beforeExit', () => process.exit());
  process.exitCode = await main(system);
}
