import type { Authority } from '../authority/authority.ts';
import { crlsPath } from '../authority/trust.ts';
import { isMtlsctlError } from '../errors.ts';
import { readOptional } from '../files.ts';
import { formatInstant } from '../options.ts';
import { type Certificate, fingerprint, serialFromHex, serialHex } from '../x509/certificate.ts';
import { type Crl, type CrlEntry, readCrls } from '../x509/crl.ts';
import { CrlReason, crlNumber, crlReasonName, invalidityDate, reasonCode } from '../x509/extensions.ts';
import { namesMatch } from '../x509/name.ts';
import { issuerSignature } from '../x509/issuer-signature.ts';
import { sameOctets } from '../der/octets.ts';
import type { Finding } from './findings.ts';
import type { LedgerState, Publication, RevokedState } from './state.ts';

/** In octets: a CRL of a million entries has some 70 MB as PEM. */
const crlLimit = 512 * 1024 * 1024;

export interface CrlComparison {
  /** What relying parties are given; undefined where it can't be read. */
  readonly inForce: Crl | undefined;
  readonly findings: readonly Finding[];
}

/** Compares the CRL in force with what the ledger says of it and of what is revoked. Throws `unreadable`. */
export async function compareCrls(
  directory: string,
  { certificate, paths }: Authority,
  state: LedgerState,
  now: number,
): Promise<CrlComparison> {
  const { crls, findings } = await readFile(paths.crlDer);
  const own = crls.find(crl => signatureProblem(crl, certificate) === undefined);
  if (own === undefined) {
    const [first] = crls;
    if (first === undefined) return { inForce: undefined, findings };
    const problem = signatureProblem(first, certificate) ?? '';
    return { inForce: undefined, findings: [{ code: 'crl-signature', file: paths.crlDer, problem }] };
  }
  return {
    inForce: own,
    findings: [
      ...againstPublications(own, paths.crlDer, state, now),
      ...againstRevocations(own, paths.crlDer, state),
      ...(await sameInPem(own, paths.crlPem, paths.crlDer)),
      ...(await mergedInto(crlsPath(directory), own, state)),
    ],
  };
}

async function readFile(
  file: string,
): Promise<{ readonly crls: readonly Crl[]; readonly findings: readonly Finding[] }> {
  const bytes = await readOptional(file, crlLimit);
  if (bytes === undefined) return { crls: [], findings: [{ code: 'crl-missing', file }] };
  try {
    return { crls: readCrls(bytes), findings: [] };
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return { crls: [], findings: [{ code: 'crl-malformed', file, problem: error.message }] };
  }
}

function signatureProblem(crl: Crl, { subject, subjectPublicKeyInfo }: Certificate): string | undefined {
  if (!namesMatch(crl.issuer, subject)) return 'it is of another issuer';
  const outcome = issuerSignature(crl, subjectPublicKeyInfo);
  return outcome === 'valid' ? undefined : `its signature is ${outcome}`;
}

const numberOf = (crl: Crl): string => String(crlNumber(crl) ?? 'without number');

function againstPublications(crl: Crl, file: string, state: LedgerState, now: number): readonly Finding[] {
  const number = numberOf(crl);
  const expired = crl.nextUpdate === undefined || crl.nextUpdate < now;
  const ended: readonly Finding[] = expired ? [{ code: 'crl-expired', file, number, nextUpdate: crl.nextUpdate }] : [];
  const published = publicationOf(crl, state);
  if (published === undefined) {
    const last = state.publications.at(-1)?.number;
    return [...ended, { code: 'crl-unrecorded', file, number, sha256: fingerprint(crl.der), last }];
  }
  const last = state.publications.findLast(({ isAhead, isDelta }) => !isAhead && !isDelta);
  if (last === undefined || last.number <= published.number) return ended;
  return [...ended, { code: 'crl-behind', file, number, last: last.number, line: last.line }];
}

function publicationOf(crl: Crl, { publications }: LedgerState): Publication | undefined {
  const sha256 = fingerprint(crl.der);
  return publications.findLast(publication => publication.sha256 === sha256);
}

function againstRevocations(crl: Crl, file: string, state: LedgerState): readonly Finding[] {
  const number = numberOf(crl);
  const findings: Finding[] = [];
  for (const entry of crl.entries()) {
    const serial = serialHex(entry.serialNumber);
    const revoked = state.revoked.get(serial);
    if (revoked === undefined) findings.push({ code: 'crl-entry-unrecorded', file, serial, number });
    else findings.push(...entryMismatches(serial, revoked, entry));
  }
  const mayLack = expiredBefore(crl, state);
  for (const [serial, revoked] of state.revoked) {
    if (mayLack(revoked) || crl.find(serialFromHex(serial)) !== undefined) continue;
    findings.push({ code: 'revocation-unpublished', line: revoked.line, serial, number });
  }
  return findings;
}

function entryMismatches(serial: string, revoked: RevokedState, entry: CrlEntry): readonly Finding[] {
  const reasonText = (reason: number): string => crlReasonName(reason) ?? String(reason);
  const dateText = (date: number | undefined): string => (date === undefined ? 'none' : formatInstant(date));
  const members: readonly (readonly [member: string, recorded: string, actual: string])[] = [
    ['reason', reasonText(revoked.reason), reasonText(reasonCode(entry) ?? CrlReason.unspecified)],
    ['revocation date', dateText(revoked.date), dateText(entry.revocationDate)],
    ['invalidity date', dateText(revoked.invalidityDate), dateText(invalidityDate(entry))],
  ];
  const { line } = revoked;
  return members.flatMap(([member, recorded, actual]) =>
    recorded === actual ? [] : [{ code: 'crl-entry-mismatch', line, serial, member, recorded, actual }],
  );
}

/** What has been on a CRL issued after its certificate had expired may be gone from the next (RFC 5280, 3.3). */
function expiredBefore(crl: Crl, state: LedgerState): (revoked: RevokedState) => boolean {
  const published = publicationOf(crl, state);
  const earlier = state.publications.filter(({ isDelta, line }) => !isDelta && line < (published?.line ?? Infinity));
  const last = earlier.at(-1);
  const newest = earlier.reduce((latest, { thisUpdate }) => Math.max(latest, thisUpdate), -Infinity);
  return ({ line, notAfter }) => last !== undefined && line < last.line && notAfter < newest;
}

async function sameInPem(crl: Crl, file: string, other: string): Promise<readonly Finding[]> {
  const { crls, findings } = await readFile(file);
  if (crls.length === 0 || crls.some(each => sameOctets(each.der, crl.der))) return findings;
  return [{ code: 'crl-files-differ', file, other }];
}

/** A CRL that was signed ahead may have taken its place there already. */
async function mergedInto(file: string, crl: Crl, state: LedgerState): Promise<readonly Finding[]> {
  const { crls, findings } = await readFile(file);
  const ours = crls.filter(each => namesMatch(each.issuer, crl.issuer));
  const number = publicationOf(crl, state)?.number ?? Infinity;
  const isFollowed = ours.some(each => (publicationOf(each, state)?.number ?? 0) > number);
  if (findings.length > 0 || isFollowed || ours.some(each => sameOctets(each.der, crl.der))) return findings;
  const [present] = ours;
  const found = present === undefined ? undefined : numberOf(present);
  return [{ code: 'crl-not-merged', file, number: numberOf(crl), found }];
}
