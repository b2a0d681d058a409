import { noNames, type ServiceFile } from '../config/service-file.ts';
import { MtlsctlError } from '../errors.ts';

/** What an enrolment asks of a service; what is undefined stays as service.yaml has it. */
export type AskedSettings = { readonly [Key in keyof ServiceFile]?: ServiceFile[Key] | undefined };

/** What is asked over what is stored. */
export function mergeSettings(stored: ServiceFile | undefined, asked: AskedSettings): ServiceFile {
  const given = Object.entries(asked).filter(([, value]) => value !== undefined);
  return { ...noNames, ...stored, ...(Object.fromEntries(given) as Partial<ServiceFile>) };
}

/** What flags ask over what is stored. Throws `usage` where a flag lacks the one that it goes with. */
export function mergeFlags(stored: ServiceFile | undefined, flags: AskedSettings): ServiceFile {
  const merged = mergeSettings(stored, flags);
  if (flags.outputs?.includes('pkcs12') !== true || merged.pkcs12PassphraseFile !== undefined) return merged;
  throw new MtlsctlError('usage', '--output pkcs12 goes with --pkcs12-passphrase-file <path>', {
    hints: ['add --pkcs12-passphrase-file <path>: the passphrase of the key store, also at each renewal'],
  });
}
