import { statSync } from 'node:fs';
import { join } from 'node:path';
import { inFile, isMtlsctlError, MtlsctlError } from '../errors.ts';
import { listNames, perform } from '../file-operations.ts';
import { readBounded, readGiven, readOptional } from '../files.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import { formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import { type Certificate, fingerprint, readCertificates } from '../x509/certificate.ts';
import { type Crl, readCrls } from '../x509/crl.ts';
import { crlNumber, deltaCrlIndicator } from '../x509/extensions.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { keyState } from './authority.ts';
import { putInPlace, withCrlLock } from './crl.ts';
import { isNamed, keepCrlIssuers, type KnownIssuer, knownIssuers, signerOf } from './known-issuers.ts';
import { isSignedBy, mergePublishedCrl, readable } from './published-crls.ts';
import { currentPublication, readRevocations } from './revocations.ts';
import { crlLimit, crlsPath } from './trust.ts';

export interface ImportOrder {
  readonly directory: string;
  /** A file with one or more CRLs, and perhaps the certificates of their issuers; or a directory of such files. */
  readonly path: string;
  /** Certificates of issuers that are not known here yet. */
  readonly untrusted: string | undefined;
  readonly now: number;
}

export interface ImportedCrl {
  readonly crl: Crl;
  readonly issuer: KnownIssuer;
  readonly status: 'imported' | 'unchanged';
  /** How many of the same issuer were signed ahead, and wait for their day. */
  readonly waiting: number;
}

interface Candidate {
  readonly crl: Crl;
  readonly file: string;
  readonly issuer: KnownIssuer;
}

/**
 * Puts the CRLs of other locations, or those that an offline root has signed ahead, into `crl.pem`: of each issuer the one whose turn it is.
 * All of them are looked at before any is taken. Throws `crl-refused` (exit status 4) for one that nobody known here has signed, that is
 * older than the one in force, that has ended, or that is a delta; `malformed`, `not-found`.
 */
export async function importCrls(order: ImportOrder): Promise<readonly ImportedCrl[]> {
  const { directory, now } = order;
  const files = await readFiles(order);
  const others = files.flatMap(({ certificates }) => certificates);
  const known = await knownIssuers(directory, now, [...others, ...(await readUntrusted(order.untrusted))]);
  const candidates = files.flatMap(({ path, crls }) => crls.map(crl => judge(crl, path, known)));
  const chosen = choose(candidates, now);
  for (const { candidate } of chosen) await refuseRollback(directory, candidate, now);
  const imported: ImportedCrl[] = [];
  for (const { candidate, waiting } of chosen) {
    const { crl, issuer } = candidate;
    imported.push({ crl, issuer, waiting, status: await putInForce(directory, candidate, now) });
  }
  return imported;
}

interface CrlFile {
  readonly path: string;
  readonly crls: readonly Crl[];
  readonly certificates: readonly Certificate[];
}

/** A series may be some dozens; a directory with more is another one than was meant. */
const maximumFiles = 1000;

async function readFiles({ path }: ImportOrder): Promise<readonly CrlFile[]> {
  const stat = perform('stat', path, () => statSync(path, { throwIfNoEntry: false }));
  if (stat?.isDirectory() !== true) return [crlFile(path, await readGiven(path, crlLimit))];
  const names = (listNames(path) ?? []).filter(name => /\.(?:pem|crl|der)$/.test(name)).sort();
  if (names.length === 0) {
    throw new MtlsctlError('not-found', `there is no CRL in ${path}: no file ends in .pem, .crl or .der`, {
      hints: [`ls -l ${path}`],
    });
  }
  if (names.length > maximumFiles) throw new MtlsctlError('too-large', `${path} has more than ${maximumFiles} files`);
  const files: CrlFile[] = [];
  for (const file of names.map(name => join(path, name))) files.push(crlFile(file, await readBounded(file, crlLimit)));
  return files;
}

function crlFile(path: string, file: Uint8Array): CrlFile {
  return inFile(path, () => ({ path, crls: readCrls(file), certificates: certificatesBeside(file) }));
}

function certificatesBeside(file: Uint8Array): readonly Certificate[] {
  try {
    return readCertificates(file);
  } catch (error) {
    if (isMtlsctlError(error, 'malformed')) return [];
    throw error;
  }
}

async function readUntrusted(path: string | undefined): Promise<readonly Certificate[]> {
  if (path === undefined) return [];
  const file = await readGiven(path);
  return inFile(path, () => readCertificates(file));
}

function refused(file: string, crl: Crl, why: string, hints: readonly string[] = []): MtlsctlError {
  const issuer = formatName(crl.issuer);
  return new MtlsctlError('crl-refused', `the CRL of ${printable(issuer)} in ${file} is refused: ${why}`, {
    hints: hints.length > 0 ? hints : [`look at it with 'mtlsctl inspect ${file}'`],
    details: { file, issuer, number: String(crlNumber(crl) ?? '') },
  });
}

/** What has to hold of every CRL, whether its turn has come or not. */
function judge(crl: Crl, file: string, known: readonly KnownIssuer[]): Candidate {
  const issuer = signerOf(crl, known);
  if (issuer === undefined) {
    throw isNamed(crl, known)
      ? refused(file, crl, 'it is not signed by the authority of that name that is known here')
      : refused(file, crl, 'its issuer is not known here, or does not chain to ca.pem', [
          "bring the issuer's certificate along: add --untrusted <file>",
        ]);
  }
  if (deltaCrlIndicator(crl) !== undefined)
    throw refused(file, crl, 'it is a delta, which servers do not understand: bring the complete one');
  if (crlNumber(crl) === undefined) throw refused(file, crl, 'it has no number (RFC 5280, 5.2.3)');
  if (crl.nextUpdate === undefined) throw refused(file, crl, 'it has no nextUpdate (RFC 5280, 5.1.2.5)');
  return { crl, file, issuer };
}

/** Of each issuer the newest of those that have begun. Throws where it has ended, or none has begun. */
function choose(candidates: readonly Candidate[], now: number): readonly { candidate: Candidate; waiting: number }[] {
  const issuers = [...new Set(candidates.map(({ issuer }) => issuer))];
  return issuers.map(issuer => {
    const group = candidates.filter(candidate => candidate.issuer === issuer);
    const begun = group.filter(({ crl }) => crl.thisUpdate <= now).sort((a, b) => compareNumbers(a.crl, b.crl));
    const candidate = begun.at(-1);
    const [first] = group;
    if (candidate === undefined) {
      if (first === undefined) throw new Error('a group without members');
      throw refused(
        first.file,
        first.crl,
        `it begins at ${formatInstant(first.crl.thisUpdate)}, which is in the future`,
      );
    }
    const { crl, file } = candidate;
    const { nextUpdate = 0 } = crl;
    if (nextUpdate < now)
      throw refused(file, crl, `it ended at ${formatInstant(nextUpdate)}`, ['have a new one signed: mtlsctl crl']);
    return { candidate, waiting: group.length - begun.length };
  });
}

function compareNumbers(a: Crl, b: Crl): number {
  return Number((crlNumber(a) ?? 0n) - (crlNumber(b) ?? 0n)) || a.thisUpdate - b.thisUpdate;
}

/** A CRL with a lower number than the one in force lets somebody in again who was revoked since. */
async function refuseRollback(directory: string, { crl, file, issuer }: Candidate, now: number): Promise<void> {
  const number = crlNumber(crl) ?? 0n;
  for (const present of await crlsInForce(directory, issuer)) {
    const other = crlNumber(present) ?? 0n;
    if (number < other) throw older(file, crl, `number ${other} is in force`);
    if (number === other && !sameOctets(present.der, crl.der))
      throw refused(file, crl, `it is another one than that of the same number ${number} in force`);
  }
  // Where the key is elsewhere others sign, and tell their own ledger.
  if (issuer.authority === undefined || (await keyState(issuer.authority.paths)) === 'absent') return;
  const revocations = await readRevocations(issuer.authority.paths.ledger);
  const current = currentPublication(revocations, now);
  if (current !== undefined && number < BigInt(current.number))
    throw older(file, crl, `the ledger of '${issuer.authority.name}' has signed number ${current.number} since`);
  if (!revocations.publications.some(({ sha256 }) => sha256 === fingerprint(crl.der)))
    throw refused(file, crl, `the ledger of '${issuer.authority.name}' knows nothing of it: who has signed it?`);
}

function older(file: string, crl: Crl, why: string): MtlsctlError {
  return refused(file, crl, `its number ${crlNumber(crl) ?? 'none'} is older: ${why}`, [
    "bring the newest: 'mtlsctl crl' signs one",
  ]);
}

async function crlsInForce(directory: string, { certificate, authority }: KnownIssuer): Promise<readonly Crl[]> {
  const paths = [crlsPath(directory), ...(authority === undefined ? [] : [authority.paths.crlDer])];
  const found: Crl[] = [];
  for (const path of paths) {
    const file = await readOptional(path, crlLimit);
    if (file === undefined) continue;
    found.push(
      ...readable(file).filter(crl => namesMatch(crl.issuer, certificate.subject) && isSignedBy(crl, certificate)),
    );
  }
  return found;
}

async function putInForce(directory: string, candidate: Candidate, now: number): Promise<ImportedCrl['status']> {
  const { crl, issuer } = candidate;
  const { authority, certificate } = issuer;
  const isThere = await isInForce(directory, candidate);
  if (isThere) return 'unchanged';
  const merge = (): Promise<void> =>
    withLock(lockDirectory(directory, 'pki'), async () => {
      // Somebody may have been quicker.
      await refuseRollback(directory, candidate, now);
      if (authority === undefined) await keepCrlIssuers(directory, [certificate]);
      await mergePublishedCrl(directory, crl, certificate);
    });
  if (authority === undefined) await merge();
  else {
    await withCrlLock(directory, authority.name, async () => {
      await refuseRollback(directory, candidate, now);
      await putInPlace(authority.paths, crl);
      await merge();
    });
  }
  return 'imported';
}

async function isInForce(directory: string, { crl, issuer }: Candidate): Promise<boolean> {
  const inForce = await crlsInForce(directory, issuer);
  const wanted = issuer.authority === undefined ? 1 : 2;
  return inForce.length === wanted && inForce.every(each => sameOctets(each.der, crl.der));
}
