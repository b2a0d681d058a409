import { MtlsctlError } from '../errors.ts';
import { printable } from '../printable.ts';
import type { NamedRoot } from '../authority/install-intermediate.ts';
import { parseFingerprint } from '../options.ts';
import { askFor, parseGiven } from './ask.ts';
import type { CommandContext, OptionValues } from './command.ts';

/** The ways in which a certificate comes about (CLI.md, `issue-intermediate` and `enroll`). */
export type RequestMode = 'direct' | 'install' | 'request' | 'sign';

/** Which way the flags ask for. Throws `usage` where they contradict each other. */
export function modeOf(options: OptionValues): RequestMode {
  const given = ['request', 'csr', 'install'].filter(flag => options[flag] !== undefined);
  if (given.length > 1) throw exclusive(given);
  if ((options['csr'] === undefined) !== (options['out'] === undefined)) throw notTogether();
  if (options['fingerprint'] !== undefined && options['root'] === undefined) {
    throw new MtlsctlError('usage', '--fingerprint goes with --root <file>');
  }
  const [mode] = given;
  if (mode === 'csr') return 'sign';
  return mode === 'request' || mode === 'install' ? mode : 'direct';
}

function notTogether(): MtlsctlError {
  return new MtlsctlError('usage', '--csr and --out go together', {
    hints: ['add the other: --csr <file> --out <file>'],
  });
}

/** The flags, and of `--csr` and `--out` the one that is missing. */
export async function withRequestAndAnswer(context: CommandContext, options: OptionValues): Promise<OptionValues> {
  const { csr, out, request, install } = options;
  const isOne = (csr === undefined) !== (out === undefined);
  if (!isOne || request !== undefined || install !== undefined) return options;
  const question = csr === undefined ? 'the file with the request' : 'the file to write the certificate to';
  const path = await askFor(context, { question, parse: parseGiven, refusal: notTogether });
  return { ...options, [csr === undefined ? 'csr' : 'out']: path };
}

/** `--root`, vouched for by `--fingerprint` or by what a person types. */
export function namedRootOrder(context: CommandContext, options: OptionValues): NamedRoot | undefined {
  const file = options['root'] as string | undefined;
  if (file === undefined) return undefined;
  return {
    file,
    fingerprint: options['fingerprint'] as string | undefined,
    askFingerprint: refusal =>
      askFor(context, {
        question: `the SHA-256 fingerprint of the root, as it is read aloud where the root is (not from ${file})`,
        parse: text => parseFingerprint(text, '--fingerprint'),
        refusal: () => refusal,
      }),
  };
}

function exclusive(flags: readonly string[]): MtlsctlError {
  return new MtlsctlError('usage', `${flags.map(flag => `--${flag}`).join(' and ')} exclude each other`);
}

/** Flags that mean something in any way of working. */
const shared = ['dir', 'json', 'quiet', 'color', 'yes'];

/**
 * Refuses flags that would have no effect: who writes `--request --permit-dns …` believes that the request carries the constraint.
 * Throws `usage`.
 */
export function refuseStrayFlags(
  options: OptionValues,
  mode: RequestMode,
  allowed: Readonly<Record<RequestMode, readonly string[]>>,
): void {
  const known = new Set([...shared, ...allowed[mode]]);
  const stray = Object.keys(options).find(key => !known.has(key) && isGiven(key, options[key]));
  if (stray === undefined) return;
  const name = stray === 'passphrase' ? 'no-passphrase' : stray.replace(/[A-Z]/g, letter => `-${letter.toLowerCase()}`);
  const way = mode === 'sign' ? 'with --csr' : mode === 'direct' ? 'here' : `with --${mode}`;
  throw new MtlsctlError('usage', `--${name} has no effect ${way}`, {
    hints: ['leave it out, or give it to the command that it belongs to'],
  });
}

/** `--no-passphrase` is the option `passphrase`, true unless given. */
function isGiven(key: string, value: unknown): boolean {
  return value !== undefined && !(key === 'passphrase' && value === true);
}

/** Asks before many are touched. Throws `declined`, and `needs-answer` where there is nobody to ask. */
export async function confirmCount({ yes, system }: CommandContext, question: string): Promise<void> {
  if (yes) return;
  if (system.prompter === undefined) {
    throw new MtlsctlError('needs-answer', `${question} there is no terminal to ask on`, {
      hints: ['look with --dry-run, then add --yes'],
    });
  }
  if (!(await system.prompter.confirm(question))) {
    throw new MtlsctlError('declined', 'the answer was no: nothing was changed', {
      hints: ['to do it after all, run the command again and answer yes; --yes does so without the question'],
    });
  }
}

/**
 * Shows a person what is about to be done and waits for a yes. Throws `declined`, and `needs-answer` where there is nobody to ask.
 */
export async function confirmOrDecline(context: CommandContext, summary: string, question: string): Promise<void> {
  const { prompter, stderr } = context.system;
  const lines = summary.trimEnd().split('\n');
  if (context.yes) {
    for (const line of lines) context.note(line);
    return;
  }
  // Whoever is asked sees what about, whatever --quiet says.
  for (const line of lines) stderr.write(`mtlsctl: ${printable(line)}\n`);
  if (prompter === undefined) {
    throw new MtlsctlError('needs-answer', `${question} there is no terminal to ask on`, {
      hints: ['read the request, then add --yes'],
    });
  }
  if (!(await prompter.confirm(question))) {
    throw new MtlsctlError('declined', 'the answer was no: nothing was signed', {
      hints: ['to sign it after all, run the command again and answer yes; names and limits are given by flags'],
    });
  }
}
