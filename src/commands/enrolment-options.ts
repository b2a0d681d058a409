import type { AskedSettings } from '../enrolment/settings.ts';
import type { EnrolmentOrder } from '../enrolment/set-up.ts';
import type { CommandContext, OptionValues } from './command.ts';
import { caPassphrase, newPassphrase } from './passphrase.ts';

const settingKeys = [
  'profile',
  'dns',
  'ip',
  'uri',
  'email',
  'validity',
  'keyType',
  'hook',
  'owner',
  'group',
  'keyMode',
  'pkcs12PassphraseFile',
] as const;

/** The settings that the flags give. */
export function settingsFromFlags(options: OptionValues): AskedSettings {
  const given = settingKeys.filter(key => options[key] !== undefined).map(key => [key, options[key]]);
  return {
    ...(Object.fromEntries(given) as AskedSettings),
    authority: options['issuer'] as AskedSettings['authority'],
    outputs: options['output'] as AskedSettings['outputs'],
  };
}

export async function enrolmentOrder(context: CommandContext, options: OptionValues): Promise<EnrolmentOrder> {
  const { directory, system } = context;
  return {
    directory,
    host: system.host,
    force: options['force'] === true,
    leafPassphrase: await leafPassphrase(context, options),
    noLeafPassphrase: options['passphrase'] === false,
    caPassphrase: oneCaPassphrase(context, options),
    now: () => system.now(),
    random: count => system.randomBytes(count),
  };
}

/**
 * One flag serves every authority of the run; stdin can be read once only. A person is asked for each authority's once, one question after the
 * other: what opens one key need not open the next.
 */
export function oneCaPassphrase(
  context: CommandContext,
  options: OptionValues,
): (authority: string) => Promise<Uint8Array> {
  const isFlag = options['caPassphraseFile'] !== undefined;
  const known = new Map<string, Promise<Uint8Array>>();
  let last: Promise<unknown> = Promise.resolve();
  return authority => {
    const key = isFlag ? '' : authority;
    const passphrase = known.get(key) ?? last.then(() => caPassphrase(context, authority, options));
    known.set(key, passphrase);
    last = passphrase.catch(() => undefined);
    return passphrase;
  };
}

/** A leaf's key is unencrypted unless asked. */
export async function leafPassphrase(context: CommandContext, options: OptionValues): Promise<Uint8Array | undefined> {
  const file = options['passphraseFile'] as string | undefined;
  if (file === undefined) return undefined;
  const question = 'a passphrase for the new keys';
  return newPassphrase(context, {
    file,
    flag: '--passphrase-file',
    noPassphrase: options['passphrase'] === false,
    question,
  });
}
