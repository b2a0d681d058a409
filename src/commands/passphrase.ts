import { MtlsctlError } from '../errors.ts';
import { readGiven } from '../files.ts';
import type { CommandContext, OptionValues } from './command.ts';

/** A passphrase is a line, not a file: what is longer than this is a mistaken path. */
const maximumPassphraseOctets = 4096;

/** Where a passphrase comes from: a path given by a flag, or a person. */
export interface PassphraseSource {
  /** The value of the flag: a path, or `-` for stdin. */
  readonly file: string | undefined;
  /** The flag's name, for the error where there is neither file nor person. */
  readonly flag: '--passphrase-file' | '--ca-passphrase-file';
  readonly question: string;
}

/**
 * The passphrase of a key that exists. Throws `passphrase-missing` (exit status 5) where none is given and nobody can be asked.
 */
export async function existingPassphrase(context: CommandContext, source: PassphraseSource): Promise<Uint8Array> {
  if (source.file !== undefined) return readPassphraseFile(context, source.file);
  const { prompter } = context.system;
  if (prompter === undefined) {
    throw new MtlsctlError(
      'passphrase-missing',
      `${source.question} is needed, and there is no terminal to ask for it`,
      {
        hints: [`give it with ${source.flag} <path>`],
      },
    );
  }
  return utf8(await prompter.passphrase(source.question, { confirm: false }));
}

export interface NewPassphraseOptions extends PassphraseSource {
  readonly noPassphrase: boolean;
}

/**
 * The passphrase for a key about to be made, or undefined where it is to be stored unencrypted.
 * Throws `needs-answer` (exit status 2) where the choice is left open and nobody can be asked: a CA's key is made with one or the other (CLI.md).
 */
export async function newPassphrase(
  context: CommandContext,
  options: NewPassphraseOptions,
): Promise<Uint8Array | undefined> {
  if (options.noPassphrase && options.file !== undefined) {
    throw new MtlsctlError('usage', `${options.flag} and --no-passphrase exclude each other`);
  }
  if (options.noPassphrase) return undefined;
  if (options.file !== undefined) return refuseEmpty(await readPassphraseFile(context, options.file));
  const { prompter } = context.system;
  if (prompter === undefined) {
    throw new MtlsctlError('needs-answer', 'is the key to be encrypted? there is no terminal to ask on', {
      hints: [`add ${options.flag} <path>, or --no-passphrase to store the key unencrypted`],
    });
  }
  return refuseEmpty(utf8(await prompter.passphrase(options.question, { confirm: true })));
}

async function readPassphraseFile(context: CommandContext, path: string): Promise<Uint8Array> {
  const content =
    path === '-' ? await context.readStdin(maximumPassphraseOctets) : await readGiven(path, maximumPassphraseOctets);
  const passphrase = withoutFinalNewline(content);
  // Others take the first line of such a file; a key made with all of it could not be opened with them, or at a prompt.
  if (!passphrase.includes(0x0a)) return passphrase;
  throw new MtlsctlError('bad-value', `the passphrase file ${path} has more than one line`, {
    hints: ['a passphrase is one line'],
  });
}

/** `echo secret > file` ends in a newline that is no part of the secret. */
function withoutFinalNewline(content: Uint8Array): Uint8Array {
  let end = content.length;
  if (content[end - 1] === 0x0a) end -= 1;
  if (end < content.length && content[end - 1] === 0x0d) end -= 1;
  return content.subarray(0, end);
}

function refuseEmpty(passphrase: Uint8Array): Uint8Array {
  if (passphrase.length > 0) return passphrase;
  throw new MtlsctlError('bad-value', 'the passphrase is empty', {
    hints: ['add --no-passphrase to store the key unencrypted'],
  });
}

function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** The passphrase of the key that an authority signs with. */
export function caPassphrase(context: CommandContext, authority: string, options: OptionValues): Promise<Uint8Array> {
  return existingPassphrase(context, {
    file: options['caPassphraseFile'] as string | undefined,
    flag: '--ca-passphrase-file',
    question: `the passphrase of the key of '${authority}'`,
  });
}
