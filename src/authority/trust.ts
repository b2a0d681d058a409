import { join } from 'node:path';
import { inFile, MtlsctlError } from '../errors.ts';
import { readOptional, replaceFile } from '../files.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { type Crl, readCrls } from '../x509/crl.ts';
import { sameOctets } from '../der/octets.ts';
import { encodePem } from '../x509/pem.ts';

/** In octets: the CRL of a large fleet, a million entries, has some 70 MB as PEM. */
export const crlLimit = 512 * 1024 * 1024;

/** The trust anchors of a PKI directory: roots only, which every location shares. */
export function trustAnchorsPath(directory: string): string {
  return join(directory, 'ca.pem');
}

/** The CRLs of every authority known here, concatenated. */
export function crlsPath(directory: string): string {
  return join(directory, 'crl.pem');
}

/** The certificates in `ca.pem`. Throws `not-found` where there is none: an absent file never means the system's roots. */
export async function readTrustAnchors(directory: string): Promise<readonly Certificate[]> {
  const anchors = await readOptionalTrustAnchors(directory);
  if (anchors.length > 0) return anchors;
  throw new MtlsctlError('not-found', `there is no trust anchor: ${trustAnchorsPath(directory)} is missing`, {
    hints: [
      "create a root with 'mtlsctl init-root'",
      'or bring one along: --root <file> --fingerprint <sha256>, together with --install',
    ],
  });
}

export async function readOptionalTrustAnchors(directory: string): Promise<readonly Certificate[]> {
  const file = await readOptional(trustAnchorsPath(directory));
  return file === undefined ? [] : inFile(trustAnchorsPath(directory), () => readCertificates(file));
}

/** Adds a root to `ca.pem`, after those that are there. A root that is there already is not added again. Callers hold the lock of the PKI directory. */
export async function addTrustAnchor(directory: string, root: Certificate): Promise<void> {
  const present = await readOptionalTrustAnchors(directory);
  if (present.some(anchor => sameOctets(anchor.der, root.der))) return;
  await replaceFile(trustAnchorsPath(directory), encodeCertificates([...present, root]), { mode: 0o644 });
}

/** As addTrustAnchor(), for a caller that does not hold the lock of the PKI directory. Throws `lock-held`. */
export async function trustRoot(directory: string, root: Certificate): Promise<void> {
  await withLock(lockDirectory(directory, 'pki'), () => addTrustAnchor(directory, root));
}

/** The CRLs in `crl.pem`; none where there is no such file. Throws `malformed`. */
export async function readPublishedCrls(directory: string): Promise<readonly Crl[]> {
  const file = await readOptional(crlsPath(directory), crlLimit);
  return file === undefined ? [] : inFile(crlsPath(directory), () => readCrls(file));
}

/** Certificates as concatenated PEM, in the order given. */
export function encodeCertificates(certificates: readonly Certificate[]): string {
  return certificates.map(certificate => encodePem('CERTIFICATE', certificate.der)).join('');
}
