import { namedInFile } from '../config/service-file.ts';
import { enrollService } from '../deployment/enroll.ts';
import { isKeyEncrypted } from '../deployment/key-encryption.ts';
import { readInstalled, readServiceSettings, servicePaths } from '../deployment/service.ts';
import { MtlsctlError } from '../errors.ts';
import { serialHex } from '../x509/certificate.ts';
import { enrolledEntry, type ServiceEntry } from './entry.ts';
import { type EnrolmentOrder, setUpEnrolment } from './set-up.ts';

/**
 * Which of the services have one of these serial numbers installed here, or nothing that can be read: they would be without a valid pair
 * once these are revoked.
 */
export async function servicesInNeed(
  directory: string,
  services: readonly string[],
  serials: ReadonlySet<string>,
): Promise<readonly string[]> {
  const inNeed: string[] = [];
  for (const service of services) {
    const paths = servicePaths(directory, service);
    const installed = await readInstalled(paths);
    const needs =
      installed.state === 'readable'
        ? serials.has(serialHex(installed.certificate.serialNumber))
        : (await readServiceSettings(paths)) !== undefined;
    if (needs) inNeed.push(service);
  }
  return inNeed;
}

/** Issues and installs a replacement for each service, with a new key, as its service.yaml and profile have it. */
export async function reissue(order: EnrolmentOrder, services: readonly string[]): Promise<readonly ServiceEntry[]> {
  for (const service of services) await refuseDecryption(order, service);
  const enrolment = await setUpEnrolment({ ...order, force: true, naming: namedInFile }, () => ({
    settings: {},
    isWhole: false,
  }));
  const entries: ServiceEntry[] = [];
  for (const service of services) entries.push(enrolledEntry(order.directory, await enrollService(enrolment, service)));
  return entries;
}

/** As enroll refuses it, for all services before the first is issued anew; this command has no flag for a key in the clear. */
async function refuseDecryption({ directory, leafPassphrase }: EnrolmentOrder, service: string): Promise<void> {
  if (leafPassphrase !== undefined || !(await isKeyEncrypted(servicePaths(directory, service)))) return;
  throw new MtlsctlError(
    'passphrase-missing',
    `the key of '${service}' is encrypted, and so is its replacement to be`,
    {
      hints: ['give the passphrase for the new key with --passphrase-file <path>'],
      details: { service },
    },
  );
}
