import { inFile, isMtlsctlError } from '../errors.ts';
import { readOptional } from '../files.ts';
import { formatDuration, formatInstant } from '../options.ts';
import { type Certificate, serialFromHex } from '../x509/certificate.ts';
import { type Crl, readCrls } from '../x509/crl.ts';
import { crlNumber } from '../x509/extensions.ts';
import { formatName, nameKey, namesMatch } from '../x509/name.ts';
import { type Authority, installedAuthorities, loadAuthority } from './authority.ts';
import { type KnownIssuer, knownIssuers, signerOf, withoutCrl } from './known-issuers.ts';
import { isSignedBy } from './published-crls.ts';
import { currentPublication, listedAt, readRevocations, type Revocation, type Revocations } from './revocations.ts';
import { crlLimit, crlsPath, readOptionalTrustAnchors } from './trust.ts';

/** Why a CRL will not do, in alphabetical order; part of the interface. */
export type CrlProblemCode =
  | 'ends-soon'
  | 'missing'
  | 'not-signed'
  | 'not-yet-valid'
  | 'number-behind'
  | 'revocation-missing'
  | 'stale'
  | 'unreadable';

export interface CrlProblem {
  readonly code: CrlProblemCode;
  /** For a person: a sentence without a full stop. */
  readonly message: string;
}

/** One CRL of one file, or the lack of it. Instants in milliseconds. */
export interface CheckedCrl {
  readonly authority: string | undefined;
  readonly issuer: string;
  readonly file: string;
  readonly number: number | undefined;
  readonly thisUpdate: number | undefined;
  readonly nextUpdate: number | undefined;
  readonly problems: readonly CrlProblem[];
}

export interface CrlCheck {
  readonly directory: string;
  /** Empty for all: the authorities here, the CAs elsewhere whose CRLs are wanted, and whoever else has a CRL in `crl.pem`. */
  readonly authorities: readonly string[];
  /** Milliseconds. */
  readonly minRemaining: number;
  readonly now: number;
}

/**
 * Looks at the CRLs that relying parties read, and at those of the authorities here: there, signed by whom they should be, in time, not older
 * than the ledger, and with all that is revoked. Throws `authority-missing`, and what reading ledgers and certificates throws.
 */
export async function checkCrls(check: CrlCheck): Promise<readonly CheckedCrl[]> {
  const { directory, authorities: names } = check;
  const authorities =
    names.length === 0
      ? await installedAuthorities(directory)
      : await Promise.all(names.map(name => loadAuthority(directory, name)));
  const published = await readFile(crlsPath(directory));
  const results: CheckedCrl[] = [];
  for (const authority of authorities) {
    const revocations = await revocationsOf(authority);
    for (const path of [authority.paths.crlPem, authority.paths.crlDer])
      results.push(checkOne(check, authority, await readFile(path), revocations));
    results.push(checkOne(check, authority, published, revocations));
  }
  return names.length > 0 ? results : [...results, ...(await checkOthers(check, authorities, published))];
}

/** An authority whose key and ledger are elsewhere has none here. */
async function revocationsOf({ paths }: Authority): Promise<Revocations | undefined> {
  try {
    return await readRevocations(paths.ledger);
  } catch (error) {
    if (isMtlsctlError(error, 'not-found')) return undefined;
    throw error;
  }
}

interface CrlFile {
  readonly path: string;
  readonly crls: readonly Crl[];
  readonly problem: CrlProblem | undefined;
}

async function readFile(path: string): Promise<CrlFile> {
  const file = await readOptional(path, crlLimit);
  if (file === undefined) return { path, crls: [], problem: { code: 'missing', message: `${path} is missing` } };
  try {
    return { path, crls: inFile(path, () => readCrls(file)), problem: undefined };
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return { path, crls: [], problem: { code: 'unreadable', message: error.message } };
  }
}

function checkOne(
  check: CrlCheck,
  { name, certificate }: Authority,
  file: CrlFile,
  revocations: Revocations | undefined,
): CheckedCrl {
  const issuer = { authority: name, issuer: formatName(certificate.subject), file: file.path };
  const named = file.crls.filter(crl => namesMatch(crl.issuer, certificate.subject));
  const crl = named.find(each => isSignedBy(each, certificate));
  if (crl !== undefined) {
    const problems = [...timeProblems(crl, check), ...ledgerProblems(crl, revocations, check.now)];
    return { ...issuer, ...facts(crl), problems };
  }
  return { ...issuer, ...noFacts, problems: [file.problem ?? absent(file, named.length > 0, name)] };
}

function absent({ path }: CrlFile, isNamed: boolean, name: string): CrlProblem {
  return isNamed
    ? { code: 'not-signed', message: `the CRL of '${name}' in ${path} is not signed by its key` }
    : { code: 'missing', message: `there is no CRL of '${name}' in ${path}` };
}

const noFacts = { number: undefined, thisUpdate: undefined, nextUpdate: undefined };

function facts(crl: Crl): Pick<CheckedCrl, 'nextUpdate' | 'number' | 'thisUpdate'> {
  const number = crlNumber(crl);
  return {
    number: number === undefined ? undefined : Number(number),
    thisUpdate: crl.thisUpdate,
    nextUpdate: crl.nextUpdate,
  };
}

function timeProblems({ thisUpdate, nextUpdate }: Crl, { now, minRemaining }: CrlCheck): readonly CrlProblem[] {
  if (thisUpdate > now)
    return [{ code: 'not-yet-valid', message: `it begins at ${formatInstant(thisUpdate)}, which is in the future` }];
  if (nextUpdate === undefined) return [{ code: 'stale', message: 'it does not say until when it holds' }];
  if (nextUpdate <= now) return [{ code: 'stale', message: `it ended at ${formatInstant(nextUpdate)}` }];
  if (nextUpdate - now >= minRemaining) return [];
  const left = formatDuration(nextUpdate - now);
  return [
    {
      code: 'ends-soon',
      message: `it ends at ${formatInstant(nextUpdate)}: ${left} are left, less than ${formatDuration(minRemaining)}`,
    },
  ];
}

function ledgerProblems(crl: Crl, revocations: Revocations | undefined, now: number): readonly CrlProblem[] {
  if (revocations === undefined) return [];
  const current = currentPublication(revocations, now);
  const number = Number(crlNumber(crl) ?? 0n);
  const behind =
    current !== undefined && number < current.number
      ? [
          {
            code: 'number-behind' as const,
            message: `it has the number ${number}, and the ledger has signed ${current.number}`,
          },
        ]
      : [];
  const missing = missingFrom(crl, revocations);
  const [first] = missing;
  if (first === undefined) return behind;
  const message = `it lacks ${missing.length} that the ledger has revoked, ${first.serial} among them`;
  return [...behind, { code: 'revocation-missing', message }];
}

function missingFrom(crl: Crl, revocations: Revocations): readonly Revocation[] {
  const missing: Revocation[] = [];
  for (const each of listedAt(revocations, crl.thisUpdate).revocations())
    if (crl.find(serialFromHex(each.serial)) === undefined) missing.push(each);
  return missing;
}

/** The authorities elsewhere whose CRLs are wanted, and whoever else has a CRL in `crl.pem`. */
async function checkOthers(
  check: CrlCheck,
  authorities: readonly Authority[],
  published: CrlFile,
): Promise<readonly CheckedCrl[]> {
  const { directory, now } = check;
  const known = await knownIssuers(directory, now);
  const isOwn = (subject: Certificate['subject']): boolean =>
    authorities.some(({ certificate }) => namesMatch(certificate.subject, subject));
  const anchors = (await readOptionalTrustAnchors(directory)).map(({ subject }) => nameKey(subject));
  const missing = withoutCrl(known, published.crls);
  return [
    ...published.crls
      .filter(({ issuer }) => !isOwn(issuer))
      .map(crl => checkForeign(check, crl, known, published.path)),
    ...missing.map(({ subject }) => missingOther(subject, anchors.includes(nameKey(subject)), published)),
  ];
}

function missingOther(subject: Certificate['subject'], isAnchor: boolean, { path, problem }: CrlFile): CheckedCrl {
  const issuer = formatName(subject);
  const who = isAnchor ? `the root ${issuer}` : issuer;
  const lacking: CrlProblem = { code: 'missing', message: `there is no CRL of ${who} in ${path}` };
  return { authority: undefined, issuer, file: path, ...noFacts, problems: [problem ?? lacking] };
}

function checkForeign(check: CrlCheck, crl: Crl, known: readonly KnownIssuer[], file: string): CheckedCrl {
  const issuer = formatName(crl.issuer);
  const unsigned: CrlProblem = { code: 'not-signed', message: 'it is signed by no authority that is known here' };
  const problems = signerOf(crl, known) === undefined ? [unsigned] : timeProblems(crl, check);
  return { authority: undefined, issuer, file, ...facts(crl), problems };
}
