import type { RenewalOrder } from '../renewal/order.ts';
import type { CommandContext, OptionValues } from './command.ts';
import { caPassphrase, existingPassphrase } from './passphrase.ts';

export function renewalOrder(
  context: CommandContext,
  services: readonly string[],
  options: OptionValues,
): RenewalOrder {
  const { directory, system } = context;
  const fromStdin = (flag: string): boolean => options[flag] === '-';
  return {
    ...{ directory, host: system.host, services, env: system.env },
    force: options['force'] === true,
    reuseKey: options['reuseKey'] === true,
    hook: options['hook'] as string | undefined,
    isPatient: options['daemon'] === true,
    leafPassphrase: kept(fromStdin('passphraseFile'), () => leafPassphrase(context, options)),
    caPassphrase: kept(fromStdin('caPassphraseFile') || system.prompter !== undefined, (authority: string) =>
      caPassphrase(context, authority, options),
    ),
    now: () => system.now(),
    random: count => system.randomBytes(count),
  };
}

/** Standard input can be read once, and a person is asked once; a file is read when it is needed, since it may have been put right. */
function kept<A extends readonly unknown[], T>(
  isOnce: boolean,
  read: (...args: A) => Promise<T>,
): (...args: A) => Promise<T> {
  let known: Promise<T> | undefined;
  return isOnce ? (...args) => (known ??= read(...args)) : read;
}

/** The keys of services are told apart by no name: one passphrase is for all that are encrypted. */
async function leafPassphrase(context: CommandContext, options: OptionValues): Promise<Uint8Array | undefined> {
  const file = options['passphraseFile'] as string | undefined;
  if (file === undefined) return undefined;
  return existingPassphrase(context, { file, flag: '--passphrase-file', question: 'the passphrase of the keys' });
}
