import { oidName } from '../der/object-identifiers.ts';
import { acceptableCurves, signatureAlgorithm, smallestRsaModulusBits } from '../x509/algorithms.ts';
import type { Certificate } from '../x509/certificate.ts';
import { basicConstraints, keyUsage, KeyUsage } from '../x509/extensions.ts';
import { sameOctets } from '../der/octets.ts';
import { describePublicKey, publicKeyFacts } from '../x509/public-key.ts';
import { purposeWarnings } from './purposes.ts';
import { isKnownExtension, problemOf, unreadableExtension, type UnreadableExtension } from './readable.ts';
import { label, type Reason } from './reasons.ts';
import { brokenRules, waivedByPolicies, type Role } from './rules.ts';
import type { Run } from './run.ts';
import type { VerifyInput } from './verify.ts';

interface Condition {
  readonly roles: readonly Role[];
  readonly check: (certificate: Certificate, run: Run) => Reason | undefined;
}

const everywhere: readonly Role[] = ['leaf', 'intermediate', 'anchor'];
const issuers: readonly Role[] = ['intermediate', 'anchor'];
/** A trust anchor's own signature is not checked and may be of any kind: RFC 5280, 6.1.1 (d). */
const signed: readonly Role[] = ['leaf', 'intermediate'];

/** What each certificate is held to on its own, the trust anchor's too. The sources stand in explain.ts, code by code. */
const conditions: readonly Condition[] = [
  { roles: everywhere, check: notYetValid }, // RFC 5280, 6.1.3 (a) (2)
  { roles: everywhere, check: expired }, // RFC 5280, 6.1.3 (a) (2)
  { roles: everywhere, check: expiresSoon },
  { roles: everywhere, check: algorithmMismatch }, // RFC 5280, 4.1.1.2
  { roles: signed, check: algorithmRefused },
  { roles: everywhere, check: keyRefused },
  { roles: everywhere, check: unknownCriticalExtension }, // RFC 5280, 6.1.4 (o) and 6.1.5 (f)
  { roles: issuers, check: notACa }, // RFC 5280, 6.1.4 (k)
  { roles: issuers, check: mayNotSign }, // RFC 5280, 6.1.4 (n)
];

/** Everything that is wrong with a certificate in its role, whatever stands above and below it. */
export function certificateReasons(run: Run, certificate: Certificate, role: Role): readonly Reason[] {
  const known = run.seen.certificates.get(certificate) ?? new Map<string, readonly Reason[]>();
  run.seen.certificates.set(certificate, known);
  let reasons = known.get(role);
  if (reasons === undefined) known.set(role, (reasons = judge(run, certificate, role)));
  return reasons;
}

function judge(run: Run, certificate: Certificate, role: Role): readonly Reason[] {
  const unreadable = unreadableExtension(certificate);
  if (unreadable !== undefined) return [unreadableReason(certificate, unreadable)];
  const reasons: Reason[] = [];
  for (const { roles, check } of conditions) {
    const reason = roles.includes(role) ? check(certificate, run) : undefined;
    if (reason !== undefined) reasons.push(reason);
  }
  return [...reasons, ...ruleReasons(run.input, certificate, role)];
}

function unreadableReason(certificate: Certificate, { oid, problem, limit }: UnreadableExtension): Reason {
  const facts = { subject: label(certificate), extension: oidName(oid) ?? oid };
  return limit === undefined
    ? { code: 'extension-malformed', ...facts, problem }
    : { code: 'extension-too-large', ...facts, limit };
}

function ruleReasons(
  { strict, profile, policies }: VerifyInput,
  certificate: Certificate,
  role: Role,
): readonly Reason[] {
  const codes = [
    ...(strict ? brokenRules('section-four', certificate, role) : []),
    ...(profile === 'webpki' ? brokenRules('webpki', certificate, role) : []),
  ];
  return codes
    .filter(code => policies === undefined || !waivedByPolicies.has(code))
    .map(code => ({ code, subject: label(certificate) }));
}

/** Broken rules that the caller does not want to be refusals. */
export function chainWarnings(input: VerifyInput, chain: readonly Certificate[]): readonly Reason[] {
  const { strict } = input;
  const ofRules = chain.flatMap((certificate, place): readonly Reason[] => {
    if (unreadableExtension(certificate) !== undefined) return [];
    const role = place === 0 ? 'leaf' : place === chain.length - 1 ? 'anchor' : 'intermediate';
    const codes = [
      ...(strict ? [] : brokenRules('section-four', certificate, role)),
      ...brokenRules('tolerated', certificate, role),
    ];
    return codes.map(code => ({ code, subject: label(certificate) }));
  });
  return unreadableExtension(input.leaf) === undefined ? [...purposeWarnings(input), ...ofRules] : ofRules;
}

function notYetValid(certificate: Certificate, { at }: Run): Reason | undefined {
  const { notBefore } = certificate;
  return at < notBefore ? { code: 'not-yet-valid', subject: label(certificate), notBefore, at } : undefined;
}

/** `notAfter` itself still belongs to the validity: RFC 5280, 4.1.2.5. */
function expired(certificate: Certificate, { at }: Run): Reason | undefined {
  const { notAfter } = certificate;
  return at > notAfter ? { code: 'expired', subject: label(certificate), notAfter, at } : undefined;
}

function expiresSoon(certificate: Certificate, { at, input: { minRemaining } }: Run): Reason | undefined {
  const { notAfter } = certificate;
  if (minRemaining === undefined || at > notAfter || notAfter - at >= minRemaining) return undefined;
  return { code: 'expires-soon', subject: label(certificate), notAfter, minRemaining };
}

function algorithmMismatch(certificate: Certificate): Reason | undefined {
  return sameOctets(certificate.signatureAlgorithm.der, certificate.tbsSignatureAlgorithm.der)
    ? undefined
    : { code: 'algorithm-mismatch', subject: label(certificate) };
}

function algorithmRefused(certificate: Certificate): Reason | undefined {
  const row = signatureAlgorithm(certificate.signatureAlgorithm.oid);
  if (row === undefined || row.acceptable) return undefined;
  return { code: 'algorithm-refused', subject: label(certificate), algorithm: row.name };
}

function keyRefused(certificate: Certificate): Reason | undefined {
  const spki = certificate.subjectPublicKeyInfo;
  const unreadable = problemOf(() => publicKeyFacts(spki)) !== undefined;
  if (!unreadable && isKeyAcceptable(certificate)) return undefined;
  const key = unreadable ? 'it does not parse' : describePublicKey(spki);
  return { code: 'key-refused', subject: label(certificate), key };
}

function isKeyAcceptable({ subjectPublicKeyInfo }: Certificate): boolean {
  const facts = publicKeyFacts(subjectPublicKeyInfo);
  switch (facts.kind) {
    case 'rsa':
      return facts.modulusBits >= smallestRsaModulusBits && facts.exponent >= 3n && (facts.exponent & 1n) === 1n;
    case 'ec':
      return acceptableCurves.has(facts.curve);
    case 'ed25519':
    case 'ed448':
      return true;
    case 'dsa':
    case 'x25519':
    case 'x448':
    case 'unknown':
      return false;
  }
}

function unknownCriticalExtension(certificate: Certificate): Reason | undefined {
  const unknown = certificate.extensions.find(({ critical, oid }) => critical && !isKnownExtension(oid));
  if (unknown === undefined) return undefined;
  const extension = oidName(unknown.oid) ?? unknown.oid;
  return { code: 'critical-extension-unknown', subject: label(certificate), extension };
}

/** A certificate of version 1 or 2 has no basicConstraints and is no CA either. */
function notACa(certificate: Certificate): Reason | undefined {
  return basicConstraints(certificate)?.ca === true ? undefined : { code: 'not-a-ca', subject: label(certificate) };
}

function mayNotSign(certificate: Certificate): Reason | undefined {
  const usage = keyUsage(certificate);
  if (usage === undefined || (usage & KeyUsage.keyCertSign) !== 0) return undefined;
  return { code: 'key-usage', subject: label(certificate), required: 'keyCertSign' };
}
