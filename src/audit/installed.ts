import { join } from 'node:path';
import { authoritiesDirectory, authorityNames, authorityPaths } from '../authority/authority.ts';
import { sameOctets } from '../der/octets.ts';
import { isMtlsctlError } from '../errors.ts';
import { listNames } from '../file-operations.ts';
import { readBounded } from '../files.ts';
import { type Certificate, readCertificates, serialHex } from '../x509/certificate.ts';
import { namesMatch } from '../x509/name.ts';
import { signatureOutcome } from './certificates.ts';
import type { Finding } from './findings.ts';

/** A certificate that is in use here, so that its issuer's ledger must have it. */
export interface InstalledCertificate {
  readonly file: string;
  readonly certificate: Certificate;
  readonly serial: string;
}

/** The certificates of all services and authorities here. Files that can't be read are left to `status` and `verify-chain`. */
export async function installedCertificates(directory: string): Promise<readonly InstalledCertificate[]> {
  const services = (listNames(directory) ?? [])
    .filter(name => !name.startsWith('.') && name !== 'authorities')
    .map(name => join(directory, name, 'cert.pem'));
  const authorities = (await authorityNames(directory)).map(
    name => authorityPaths(join(authoritiesDirectory(directory), name)).certificate,
  );
  const installed: InstalledCertificate[] = [];
  for (const file of [...services, ...authorities].sort()) {
    const certificate = await leafOf(file);
    if (certificate !== undefined) installed.push({ file, certificate, serial: serialHex(certificate.serialNumber) });
  }
  return installed;
}

async function leafOf(file: string): Promise<Certificate | undefined> {
  try {
    return readCertificates(await readBounded(file))[0];
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    return undefined;
  }
}

/** Those that an authority signed, by serial number; its own certificate is not one of them. */
export function signedBy(
  issuer: Certificate,
  installed: readonly InstalledCertificate[],
): ReadonlyMap<string, readonly InstalledCertificate[]> {
  const signed = new Map<string, readonly InstalledCertificate[]>();
  for (const each of installed) {
    const { certificate, serial } = each;
    if (!namesMatch(certificate.issuer, issuer.subject) || sameOctets(certificate.der, issuer.der)) continue;
    if (signatureOutcome(certificate, issuer) === 'valid') signed.set(serial, [...(signed.get(serial) ?? []), each]);
  }
  return signed;
}

/** What a ledger has under the serial number of an installed certificate must be that certificate. */
export function compareInstalled(
  installed: readonly InstalledCertificate[],
  recorded: string,
  line: number,
): readonly Finding[] {
  return installed.flatMap(({ certificate, file, serial }) =>
    Buffer.from(certificate.der).toString('base64') === recorded
      ? []
      : [{ code: 'installed-mismatch', line, serial, file }],
  );
}
