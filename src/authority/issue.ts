import { MtlsctlError } from '../errors.ts';
import type { NameConstraintsOrder } from '../issuance/extensions.ts';
import { issueCertificate } from '../issuance/issue.ts';
import { noSubjectNames, type SubjectNames } from '../issuance/names.ts';
import { type Profile, purposeOf } from '../issuance/profile.ts';
import type { Signer } from '../keys/signer.ts';
import { formatInstant } from '../options.ts';
import { explain } from '../path/explain.ts';
import { verifyChain } from '../path/verify.ts';
import { type Certificate, serialHex } from '../x509/certificate.ts';
import { subjectAltName } from '../x509/extensions.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import type { SubjectPublicKeyInfo } from '../x509/public-key.ts';
import { sameOctets } from '../der/octets.ts';
import { type Authority, authorityLock } from './authority.ts';
import { Ledger, type LedgerEvent } from './ledger.ts';
import type { AuthorityCreated } from './ledger-format.ts';

/** An authority that can sign: its key is open. */
export interface OpenAuthority {
  readonly authority: Authority;
  readonly signer: Signer;
  readonly ledger: Ledger;
  readonly trustAnchors: readonly Certificate[];
  /** DER SubjectPublicKeyInfo of every authority known here: no two share a key. */
  readonly authorityKeys: readonly Uint8Array[];
}

export function openLedger(directory: string, authority: Pick<Authority, 'name' | 'paths'>): Ledger {
  return Ledger.open(authority.paths.ledger, authorityLock(directory, authority.name));
}

export interface SubordinateOrder {
  readonly profile: Profile;
  /** DER Name. */
  readonly subject: Uint8Array;
  readonly names?: SubjectNames;
  readonly publicKey: SubjectPublicKeyInfo;
  /** Milliseconds; the profile's where absent. */
  readonly validity?: number | undefined;
  readonly pathLength?: number | undefined;
  readonly nameConstraints?: NameConstraintsOrder | undefined;
  readonly crlUrls?: readonly string[] | undefined;
  /** The service or authority that it is for, for the ledger. */
  readonly service: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  random(count: number): Uint8Array;
}

export interface IssuedChain {
  /** What was issued, then the certificates above it, without the root. */
  readonly chain: readonly Certificate[];
  readonly certificate: Certificate;
  readonly warnings: readonly string[];
}

/** The authority's certificate and those above it, the root last. */
export function issuersOf(authority: Authority, trustAnchors: readonly Certificate[]): readonly Certificate[] {
  const known = authority.isRoot ? [authority.certificate] : authority.chain;
  const last = known.at(-1);
  const root = trustAnchors.find(anchor => last !== undefined && namesMatch(anchor.subject, last.issuer));
  return root === undefined || known.some(certificate => sameOctets(certificate.der, root.der))
    ? known
    : [...known, root];
}

/**
 * Issues one certificate, verifies it as its consumer would, and records it; what is returned is durable in the ledger.
 * Throws what issueCertificate() throws, `issued-certificate-refused`, and what the ledger throws: `ledger-corrupt` before anything is signed.
 */
export async function issueUnder(issuer: OpenAuthority, order: SubordinateOrder): Promise<IssuedChain> {
  const { authority, signer, trustAnchors } = issuer;
  issuer.ledger.requireBegun();
  const [, ...above] = issuersOf(authority, trustAnchors);
  const { certificate, warnings } = await issueCertificate({
    profile: order.profile,
    subject: order.subject,
    names: order.names ?? noSubjectNames,
    publicKey: order.publicKey,
    issuer: { certificate: authority.certificate, signer, chain: above },
    ...(order.validity !== undefined && { validity: order.validity }),
    ...(order.pathLength !== undefined && { pathLength: order.pathLength }),
    ...(order.nameConstraints !== undefined && { nameConstraints: order.nameConstraints }),
    ...(order.crlUrls !== undefined && { crlUrls: order.crlUrls }),
    authorityKeys: issuer.authorityKeys,
    now: order.now,
    random: count => order.random(count),
  });
  refuseUnverified(certificate, issuer, order);
  await issuer.ledger.append([issuedEvent(certificate, order)], order.now);
  return { certificate, chain: [certificate, ...authority.chain], warnings };
}

function refuseUnverified(certificate: Certificate, issuer: OpenAuthority, order: SubordinateOrder): void {
  const verdict = verifyChain({
    leaf: certificate,
    trustAnchors: issuer.trustAnchors,
    intermediates: issuer.authority.chain,
    at: order.now,
    purpose: purposeOf(order.profile),
    profile: 'rfc5280',
    strict: false,
  });
  if (verdict.valid) return;
  const [first] = verdict.reasons;
  const why = first === undefined ? 'no chain' : explain(first).message;
  throw new MtlsctlError('issued-certificate-refused', `a relying party would refuse the new certificate: ${why}`, {
    hints: [`run 'mtlsctl verify-chain ${issuer.authority.paths.certificate}'`],
    details: { reasons: verdict.reasons.map(reason => reason.code) },
  });
}

function issuedEvent(certificate: Certificate, order: SubordinateOrder): LedgerEvent {
  return {
    event: 'issued',
    ...describeForLedger(certificate),
    service: order.service,
    names: (subjectAltName(certificate) ?? []).map(formatGeneralName),
    profile: order.profile.name,
  };
}

export function createdEvent(certificate: Certificate): AuthorityCreated {
  return { event: 'authority-created', ...describeForLedger(certificate) };
}

function describeForLedger(certificate: Certificate) {
  return {
    serial: serialHex(certificate.serialNumber),
    subject: formatName(certificate.subject),
    notBefore: formatInstant(certificate.notBefore),
    notAfter: formatInstant(certificate.notAfter),
    certificate: Buffer.from(certificate.der).toString('base64'),
  };
}
