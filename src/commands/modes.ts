import { MtlsctlError } from '../errors.ts';
import type { CommandContext, OptionValues } from './command.ts';

/** The ways in which a certificate comes about (CLI.md, `issue-intermediate` and `enroll`). */
export type RequestMode = 'direct' | 'install' | 'request' | 'sign';

/** Which way the flags ask for. Throws `usage` where they contradict each other. */
export function modeOf(options: OptionValues): RequestMode {
  const given = ['request', 'csr', 'install'].filter(flag => options[flag] !== undefined);
  if (given.length > 1) throw exclusive(given);
  if ((options['csr'] === undefined) !== (options['out'] === undefined)) {
    throw new MtlsctlError('usage', '--csr and --out go together', {
      hints: ['add the other: --csr <file> --out <file>'],
    });
  }
  if (options['install'] === undefined) refuseInstallFlags(options);
  if (options['fingerprint'] !== undefined && options['root'] === undefined) {
    throw new MtlsctlError('usage', '--fingerprint goes with --root <file>');
  }
  const [mode] = given;
  if (mode === 'csr') return 'sign';
  return mode === 'request' || mode === 'install' ? mode : 'direct';
}

function exclusive(flags: readonly string[]): MtlsctlError {
  return new MtlsctlError('usage', `${flags.map(flag => `--${flag}`).join(' and ')} exclude each other`);
}

function refuseInstallFlags(options: OptionValues): void {
  const stray = ['root', 'crl'].find(flag => options[flag] !== undefined);
  if (stray !== undefined) throw new MtlsctlError('usage', `--${stray} goes with --install <file>`);
}

/**
 * Shows a person what is about to be done and waits for a yes. Throws `declined`, and `needs-answer` where there is nobody to ask.
 */
export async function confirmOrDecline(context: CommandContext, summary: string, question: string): Promise<void> {
  for (const line of summary.trimEnd().split('\n')) context.note(line);
  if (context.yes) return;
  const { prompter } = context.system;
  if (prompter === undefined) {
    throw new MtlsctlError('needs-answer', `${question} there is no terminal to ask on`, {
      hints: ['read the request, then add --yes'],
    });
  }
  if (!(await prompter.confirm(question))) throw new MtlsctlError('declined', 'the answer was no: nothing was signed');
}
