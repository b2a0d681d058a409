import { readConfig } from '../authority/configuration.ts';
import { readTrustAnchors } from '../authority/trust.ts';
import type { ServiceFile } from '../config/service-file.ts';
import type { Enrolment } from '../deployment/enroll.ts';
import type { Issuers } from '../issuers/issuer.ts';
import { localIssuers } from '../issuers/local.ts';
import type { CommandContext, OptionValues } from './command.ts';
import { caPassphrase, newPassphrase } from './passphrase.ts';

/** What an enrolment asks of a service; what is undefined stays as service.yaml has it. */
export type AskedSettings = { readonly [Key in keyof ServiceFile]?: ServiceFile[Key] | undefined };

const settingKeys = ['profile', 'dns', 'ip', 'uri', 'email', 'validity', 'keyType', 'hook'] as const;

/** The settings that the flags give. */
export function settingsFromFlags(options: OptionValues): AskedSettings {
  const given = settingKeys.filter(key => options[key] !== undefined).map(key => [key, options[key]]);
  return { ...(Object.fromEntries(given) as AskedSettings), authority: options['issuer'] as string | undefined };
}

export interface EnrolmentSetup {
  readonly issuers: Issuers;
  readonly enrolment: Enrolment;
}

/** Joins what all enrolments of a run share: configuration, trust anchors, the local authorities, and how settings come about. */
export async function setUpEnrolment(
  context: CommandContext,
  options: OptionValues,
  asked: (service: string) => { readonly settings: AskedSettings; readonly isWhole: boolean },
): Promise<EnrolmentSetup> {
  const { directory, system } = context;
  const trustAnchors = await readTrustAnchors(directory);
  const config = await readConfig(directory);
  const issuers = issuersOf(context, options);
  const passphrase = await leafPassphrase(context, options);
  return {
    issuers,
    enrolment: {
      ...{ directory, config, trustAnchors, passphrase },
      force: options['force'] === true,
      now: () => system.now(),
      random: count => system.randomBytes(count),
      settings: async (service, stored) => {
        const { settings, isWhole } = asked(service);
        const merged = mergeSettings(isWhole ? undefined : stored, settings);
        return {
          ...merged,
          profile: merged.profile ?? config.defaults.profile,
          authority: merged.authority ?? stored?.authority ?? (await issuers.defaultAuthority()),
        };
      },
      issuers: settings => issuers.certificates(settings.authority ?? ''),
      issue: ({ service, profile, subject, names, validity, settings }, publicKey, now) =>
        issuers.issue(settings.authority ?? '', { service, profile, subject, names, validity, publicKey, now }),
    },
  };
}

export function issuersOf(context: CommandContext, options: OptionValues): Issuers {
  let passphrase: Promise<Uint8Array> | undefined;
  return localIssuers({
    directory: context.directory,
    random: count => context.system.randomBytes(count),
    // One flag serves every authority of the run; stdin can be read once only.
    passphrase: authority => (passphrase ??= caPassphrase(context, authority, options)),
  });
}

/** Flags over what is stored. */
export function mergeSettings(stored: ServiceFile | undefined, asked: AskedSettings): ServiceFile {
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  return { dns: [], ip: [], uri: [], email: [], ...stored, ...(Object.fromEntries(given) as Partial<ServiceFile>) };
}

/** A leaf's key is unencrypted unless asked. */
export async function leafPassphrase(context: CommandContext, options: OptionValues): Promise<Uint8Array | undefined> {
  const file = options['passphraseFile'] as string | undefined;
  if (file === undefined) return undefined;
  return newPassphrase(context, {
    file,
    flag: '--passphrase-file',
    noPassphrase: false,
    question: 'a passphrase for the new keys',
  });
}
