import type { Authority } from '../authority/authority.ts';
import { isSignedBy } from '../authority/published-crls.ts';
import { type KnownIssuer, signerOf, withoutCrl } from '../authority/known-issuers.ts';
import { sameOctets } from '../der/octets.ts';
import { formatInstant } from '../options.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { authorityKeyIdentifier, crlNumber, deltaCrlIndicator, subjectKeyIdentifier } from '../x509/extensions.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { type Problem, problem } from './problem.ts';
import { alarmOf, type Severity, worst } from './severity.ts';
import { span } from './validity.ts';

export type CrlState = 'bad signature' | 'missing' | 'not yet valid' | 'stale' | 'valid';

/** All that is told of one CRL in crl.pem, or of one that should be there. Instants in milliseconds. */
export interface CrlRow {
  /** The authority here whose it is; undefined where it is another location's. */
  readonly authority: string | undefined;
  /** RFC 4514. */
  readonly issuer: string;
  readonly crl: Crl | undefined;
  readonly isDelta: boolean;
  readonly number: bigint | undefined;
  readonly state: CrlState;
  readonly isHealthy: boolean;
  readonly severity: Severity;
  readonly problems: readonly Problem[];
}

/** Whose CRLs are to be there. */
export interface CrlIssuers {
  /** Those here. */
  readonly authorities: readonly Authority[];
  /** All whose CRLs count here; undefined where that can't be told. */
  readonly issuers: readonly KnownIssuer[] | undefined;
}

/** A row for each CRL, and one for each authority here, and each elsewhere whose CRL is wanted, that has none. */
export function crlRows(crls: readonly Crl[], { authorities, issuers }: CrlIssuers, now: number): readonly CrlRow[] {
  const found = crls.map(crl => crlRow(crl, { authorities, issuers }, now));
  const missing = authorities.filter(({ name }) => !found.some(row => row.authority === name && !row.isDelta));
  return [
    ...found,
    ...missing.map(({ name, certificate }) => missingRow(name, certificate)),
    ...withoutCrl(issuers ?? [], crls).map(certificate => missingRow(undefined, certificate)),
  ];
}

function missingRow(authority: string | undefined, { subject }: Certificate): CrlRow {
  const problems = [problem('critical', 'crl.pem has no CRL of it', wayTo(authority))];
  return {
    ...{ authority, issuer: formatName(subject), crl: undefined, isDelta: false, number: undefined },
    ...{ state: 'missing', isHealthy: false, severity: 'critical', problems },
  };
}

function crlRow(crl: Crl, { authorities, issuers }: CrlIssuers, now: number): CrlRow {
  const authority = authorities.find(each => isOf(crl, each));
  const isSigned =
    authority === undefined
      ? issuers === undefined || signerOf(crl, issuers) !== undefined
      : isSignedBy(crl, authority.certificate);
  const state = isSigned ? stateAt(crl, now) : 'bad signature';
  const problems = problemsOf(crl, state, { authority: authority?.name, now });
  return {
    ...{ authority: authority?.name, issuer: formatName(crl.issuer), crl, state, problems },
    isDelta: deltaCrlIndicator(crl) !== undefined,
    number: crlNumber(crl),
    isHealthy: state === 'valid',
    severity: worst(problems.map(({ severity }) => severity)),
  };
}

/** By name and, where both tell it, by key: an authority that was made anew has another. */
function isOf(crl: Crl, { certificate }: Authority): boolean {
  if (!namesMatch(crl.issuer, certificate.subject)) return false;
  const [theirs, own] = [authorityKeyIdentifier(crl)?.keyIdentifier, subjectKeyIdentifier(certificate)];
  return theirs === undefined || own === undefined || sameOctets(theirs, own);
}

function stateAt({ thisUpdate, nextUpdate }: Crl, now: number): CrlState {
  if (thisUpdate > now) return 'not yet valid';
  return nextUpdate === undefined || nextUpdate < now ? 'stale' : 'valid';
}

function problemsOf(
  { thisUpdate, nextUpdate }: Crl,
  state: CrlState,
  { authority, now }: { authority: string | undefined; now: number },
): readonly Problem[] {
  const hint = wayTo(authority);
  if (state === 'bad signature') {
    // A new crl.pem leaves out what nobody known has signed.
    return authority === undefined
      ? [problem('critical', 'it is signed by no authority that is known here', 'mtlsctl crl', hint)]
      : [problem('critical', 'it is not signed by the key of the authority', hint)];
  }
  if (state === 'not yet valid')
    return [problem('critical', `it is not valid before ${formatInstant(thisUpdate)}`, 'date -u')];
  if (nextUpdate === undefined) return [problem('critical', 'it does not say until when it counts', hint)];
  if (state === 'stale') return [problem('critical', `it is stale since ${formatInstant(nextUpdate)}`, hint)];
  const severity = alarmOf(thisUpdate, nextUpdate, now);
  const left = span(Math.floor((nextUpdate - now) / 1000));
  return severity === 'ok' ? [] : [problem(severity, `it is stale in ${left}`, hint)];
}

/** How a new CRL gets into crl.pem. */
function wayTo(authority: string | undefined): string {
  return authority === undefined ? 'mtlsctl crl --import <file>' : `mtlsctl crl ${authority}`;
}
