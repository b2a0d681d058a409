import { isMtlsctlError } from '../errors.ts';
import { readOptional, replaceFile } from '../files.ts';
import { sameOctets } from '../der/octets.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, readCrls } from '../x509/crl.ts';
import { authorityKeyIdentifier, crlNumber } from '../x509/extensions.ts';
import { nameKey, namesMatch } from '../x509/name.ts';
import { encodePemFile } from '../x509/pem.ts';
import { verifySignature } from '../x509/signature.ts';
import { installedAuthorities } from './authority.ts';
import { crlLimit, crlsPath } from './trust.ts';

/** The first CRL of a file that this authority signed; undefined where there is none, or the file is damaged. */
export function crlOf(file: Uint8Array, authority: Certificate): Crl | undefined {
  return readable(file).find(crl => isSignedBy(crl, authority));
}

const encoded = new WeakMap<Crl, Buffer>();

/** A large CRL goes into two files, and is encoded once. */
export function pemOf(crl: Crl): Buffer {
  const known = encoded.get(crl) ?? encodePemFile('X509 CRL', crl.der);
  encoded.set(crl, known);
  return known;
}

/** The CRLs of a file; none where it is damaged. */
export function readable(file: Uint8Array): readonly Crl[] {
  try {
    return readCrls(file);
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return [];
  }
}

export function isSignedBy(crl: Crl, { subject, subjectPublicKeyInfo }: Certificate): boolean {
  return (
    namesMatch(crl.issuer, subject) &&
    verifySignature(crl.signatureAlgorithm, subjectPublicKeyInfo, crl.tbs, crl.signature) === 'valid'
  );
}

/**
 * Puts a CRL into `crl.pem` in the place of its issuer's last one, unless that is newer: a number only grows (RFC 5280, 5.2.3), whoever
 * comes first. A `crl.pem` that can't be read is begun anew, and the CRLs of authorities here that it lacks are put back. Callers hold the lock of the PKI directory.
 */
export async function mergePublishedCrl(directory: string, crl: Crl, issuer: Certificate): Promise<void> {
  const published = await readWhatIsWhole(directory);
  if (published.some(other => supersedes(other, crl, issuer))) return;
  const name = nameKey(crl.issuer);
  const others = [...published, ...(await missingCrls(directory, published))];
  await writePublishedCrls(directory, [...others.filter(other => nameKey(other.issuer) !== name), crl]);
}

/** The CRLs of authorities here that `crl.pem` lacks, since somebody deleted or damaged it. */
async function missingCrls(directory: string, published: readonly Crl[]): Promise<readonly Crl[]> {
  const present = new Set(published.map(({ issuer }) => nameKey(issuer)));
  const missing: Crl[] = [];
  for (const authority of await installedAuthorities(directory)) {
    if (present.has(nameKey(authority.certificate.subject))) continue;
    const file = await readOptional(authority.paths.crlDer, crlLimit);
    const crl = file === undefined ? undefined : crlOf(file, authority.certificate);
    if (crl !== undefined) missing.push(crl);
  }
  return missing;
}

/** Callers hold the lock of the PKI directory. */
export async function writePublishedCrls(directory: string, crls: readonly Crl[]): Promise<'unchanged' | 'written'> {
  const text = crls.length === 1 && crls[0] !== undefined ? pemOf(crls[0]) : Buffer.concat(crls.map(pemOf));
  return replaceFile(crlsPath(directory), text, { mode: 0o644 });
}

async function readWhatIsWhole(directory: string): Promise<readonly Crl[]> {
  const file = await readOptional(crlsPath(directory), crlLimit);
  return file === undefined ? [] : readable(file);
}

/** Whether `crl.pem` has a CRL, or a newer one of the same key. */
export async function isPublished(directory: string, crl: Crl, issuer: Certificate): Promise<boolean> {
  return (await readWhatIsWhole(directory)).some(other => supersedes(other, crl, issuer));
}

/** An authority that was made anew under its old name has another key, and begins to count again. */
function supersedes(other: Crl, crl: Crl, issuer: Certificate): boolean {
  const [theirs, ours] = [other, crl].map(each => authorityKeyIdentifier(each)?.keyIdentifier);
  if (theirs === undefined || ours === undefined || !sameOctets(theirs, ours)) return false;
  if (nameKey(other.issuer) !== nameKey(crl.issuer)) return false;
  return (crlNumber(other) ?? 0n) >= (crlNumber(crl) ?? 0n) && isSignedBy(other, issuer);
}
