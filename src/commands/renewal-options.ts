import type { RenewalOrder } from '../renewal/order.ts';
import type { CommandContext, OptionValues } from './command.ts';
import { oneCaPassphrase } from './enrolment-options.ts';
import { caPassphrase, existingPassphrase } from './passphrase.ts';

export function renewalOrder(
  context: CommandContext,
  services: readonly string[],
  options: OptionValues,
): RenewalOrder {
  const { directory, system } = context;
  const isFromStdin = options['passphraseFile'] === '-';
  return {
    ...{ directory, host: system.host, services, env: system.env },
    force: options['force'] === true,
    reuseKey: options['reuseKey'] === true,
    hook: options['hook'] as string | undefined,
    isPatient: options['daemon'] === true,
    leafPassphrase: isFromStdin ? once(() => leafPassphrase(context, options)) : () => leafPassphrase(context, options),
    caPassphrase: isFile(options['caPassphraseFile'])
      ? authority => caPassphrase(context, authority, options)
      : oneCaPassphrase(context, options),
    now: () => system.now(),
    random: count => system.randomBytes(count),
  };
}

/** A file is read when it is needed, since it may have been put right; standard input can be read once, and a person is asked once. */
function isFile(path: unknown): boolean {
  return path !== undefined && path !== '-';
}

function once<T>(read: () => Promise<T>): () => Promise<T> {
  let known: Promise<T> | undefined;
  return () => (known ??= read());
}

/** The keys of services are told apart by no name: one passphrase is for all that are encrypted. */
async function leafPassphrase(context: CommandContext, options: OptionValues): Promise<Uint8Array | undefined> {
  const file = options['passphraseFile'] as string | undefined;
  if (file === undefined) return undefined;
  return existingPassphrase(context, { file, flag: '--passphrase-file', question: 'the passphrase of the keys' });
}
