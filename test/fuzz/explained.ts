import { oids } from '../../src/der/object-identifiers.ts';
import { Tag } from '../../src/der/reader.ts';
import { sequence } from '../../src/der/writer.ts';
import { label, type Reason } from '../../src/path/reasons.ts';
import { sectionFourRules } from '../../src/path/section-four.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import type { Crl } from '../../src/x509/crl.ts';
import {
  authorityKeyIdentifier,
  crlDistributionPoints,
  extendedKeyUsage,
  findExtension,
  inhibitAnyPolicy,
  issuingDistributionPoint,
  keyUsage,
  nameConstraints,
  policyConstraints,
  subjectAltName,
  subjectKeyIdentifier,
} from '../../src/x509/extensions.ts';
import type { GeneralName } from '../../src/x509/general-name.ts';
import { commonName, namesMatch } from '../../src/x509/name.ts';
import { sameOctets } from '../../src/der/octets.ts';
import type { Comparison } from './compare.ts';
import type { OpensslError } from './openssl.ts';

/** Why the two may differ: OpenSSL 3.0 as it is, against what mtlsctl holds to. */
interface Explanation<Finding> {
  /** The clause that mtlsctl follows. */
  readonly source: string;
  readonly says: string;
  /** Whether this is why just one of the two refuses; `finding` is what that one says. */
  readonly applies: (finding: Finding, comparison: Comparison) => boolean;
}

const chainOf = ({ verdict }: Comparison): readonly Certificate[] => verdict.chain;
const at = (comparison: Comparison, depth: number): Certificate | undefined => chainOf(comparison)[depth];
const leafNames = ({ item }: Comparison, kind: GeneralName['kind']): readonly GeneralName[] =>
  (subjectAltName(item.leaf) ?? []).filter(name => name.kind === kind);

const trees = (comparison: Comparison, list: 'permitted' | 'excluded', kind: GeneralName['kind']) =>
  chainOf(comparison)
    .flatMap(certificate => nameConstraints(certificate)?.[list] ?? [])
    .map(({ base }) => base)
    .filter(base => base.kind === kind);

const textOf = (name: GeneralName): string => ('value' in name ? name.value : '');

const isCritical = (certificate: Certificate | Crl | undefined, types: readonly string[]): boolean =>
  certificate?.extensions.some(({ oid, critical }) => critical && types.includes(oid)) === true;

/** X509_V_ERR_… of openssl/x509_vfy.h, as far as they are needed. */
const errors = {
  noIssuer: 20,
  noCrl: 3,
  expired: 10,
  crlExpired: 12,
  purpose: 26,
  criticalExtension: 34,
  criticalCrlExtension: 36,
  crlScope: 44,
  notPermitted: 47,
  excluded: 48,
  nameSyntax: 53,
  crlPath: 54,
  hostname: 62,
} as const;

/** Errors that speak of CRLs: 3 to 6, 8, 11, 12, 23, 33, 35, 36, 44 and 54. */
const crlErrors: ReadonlySet<number> = new Set([3, 4, 5, 6, 8, 11, 12, 23, 33, 35, 36, 44, 54]);

/** OpenSSL refuses, mtlsctl accepts. */
export const laxer: Readonly<Record<string, Explanation<OpensslError>>> = {
  'notAfter itself is valid': {
    source: 'RFC 5280, 4.1.2.5',
    says: 'the validity period includes notAfter; OpenSSL ends a second before',
    applies: ({ code, depth }, comparison) =>
      code === errors.expired && at(comparison, depth)?.notAfter === comparison.item.request.at,
  },
  'nextUpdate itself is in time': {
    source: 'RFC 5280, 5.1.2.5',
    says: 'the next CRL is issued by nextUpdate at the latest; OpenSSL ends a second before',
    applies: ({ code }, { item }) =>
      code === errors.crlExpired && item.crls.some(crl => crl.nextUpdate === item.request.at),
  },
  'key identifiers are hints': {
    source: 'RFC 5280, 4.2.1.1 and 6.1.3',
    says: 'the path algorithm compares names and checks signatures; OpenSSL leaves out issuers whose key identifier, name or serial number differs',
    applies: ({ code, depth }, comparison) =>
      code === errors.noIssuer && pointsElsewhere(at(comparison, depth), at(comparison, depth + 1)),
  },
  'key identifiers of CRLs are hints': {
    source: 'RFC 5280, 5.2.1 and 6.3.3 (f)',
    says: 'the signature decides; OpenSSL leaves out CRLs whose authorityKeyIdentifier is of another key',
    applies: ({ code, depth }, comparison) =>
      code === errors.noCrl && comparison.item.crls.some(crl => pointsElsewhere(crl, at(comparison, depth + 1))),
  },
  'keyUsage without bits': {
    source: 'RFC 5280, 4.2.1.3',
    says: 'a rule for makers, which is a warning, and no bit is in force; OpenSSL takes the certificate for damaged',
    applies: ({ code, depth }, comparison) =>
      code === errors.noIssuer &&
      [at(comparison, depth), at(comparison, depth + 1)].some(item => item && keyUsage(item) === 0),
  },
  anyExtendedKeyUsage: {
    source: 'RFC 5280, 4.2.1.12',
    says: 'anyExtendedKeyUsage puts no limit; OpenSSL does not know it among the purposes of TLS',
    applies: ({ code, depth }, comparison) => {
      const certificate = at(comparison, depth);
      return (
        code === errors.purpose &&
        certificate !== undefined &&
        extendedKeyUsage(certificate)?.includes(oids.anyExtendedKeyUsage) === true
      );
    },
  },
  'the anchor is not asked for its status': {
    source: 'RFC 5280, 6.1.3 (a) (3)',
    says: 'the trust anchor is no part of the path; OpenSSL wants a CRL for it, too',
    applies: ({ code, depth }, comparison) => crlErrors.has(code) && depth === chainOf(comparison).length - 1,
  },
  'recognised critical extension': {
    source: 'RFC 5280, 6.1.4 (o)',
    says: 'what is recognised may be critical, and that it should not be is a warning; OpenSSL does not handle these',
    applies: ({ code, depth }, comparison) =>
      code === errors.criticalExtension && isCritical(at(comparison, depth), recognised),
  },
  'recognised critical extension of a CRL': {
    source: 'RFC 5280, 5.2',
    says: 'what is recognised may be critical; OpenSSL handles neither authorityKeyIdentifier nor cRLNumber when they are',
    applies: ({ code }, { item }) =>
      code === errors.criticalCrlExtension &&
      item.crls.some(crl => isCritical(crl, [oids.authorityKeyIdentifier, oids.cRLNumber])),
  },
  'implied distribution point': {
    source: 'RFC 5280, 6.3.3',
    says: 'a CRL that names its issuer as its point answers for every certificate of that issuer; OpenSSL wants the point in the certificate',
    applies: ({ code }, { item }) => code === errors.crlScope && item.crls.some(isPointOfIssuer),
  },
  'reasons of a distribution point': {
    source: 'RFC 5280, 6.3.3',
    says: 'a CRL of the issuer for all reasons counts even where a distribution point is for some; OpenSSL takes the point at its word',
    applies: ({ code, depth }, comparison) => {
      const certificate = at(comparison, depth);
      const points = (certificate && crlDistributionPoints(certificate)) ?? [];
      return code === errors.noCrl && points.some(({ reasons }) => reasons !== undefined);
    },
  },
  'common name under a DNS constraint': {
    source: 'RFC 9525, section 2 and RFC 5280, 4.2.1.10',
    says: 'a common name is no DNS name; OpenSSL holds it to DNS constraints where there is no DNS name',
    applies: ({ code }, comparison) =>
      (code === errors.notPermitted || code === errors.excluded) &&
      leafNames(comparison, 'dns').length === 0 &&
      /^[\w.-]+$/.test(commonName(comparison.item.leaf.subject) ?? '') &&
      trees(comparison, code === errors.notPermitted ? 'permitted' : 'excluded', 'dns').length > 0,
  },
  'host of a URI': {
    source: 'RFC 3986, 3.2',
    says: 'the host stands between user information and query; OpenSSL reads up to the next colon or slash',
    applies: ({ code }, comparison) =>
      code === errors.notPermitted && leafNames(comparison, 'uri').some(name => /:\/\/[^/]*[@?#]/.test(textOf(name))),
  },
  'empty constraint': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'the empty constraint holds everything, as it does for DNS names; OpenSSL takes it for a host without a name',
    applies: ({ code }, comparison) =>
      code === errors.notPermitted &&
      (['email', 'uri'] as const).some(kind => trees(comparison, 'permitted', kind).some(base => textOf(base) === '')),
  },
  'e-mail address as UTF8String': {
    source: 'RFC 5280, appendix A.1',
    says: 'the address is read and held to the constraints whatever its string type; OpenSSL wants IA5String',
    applies: ({ code, depth }, comparison) =>
      code === errors.nameSyntax &&
      at(comparison, depth)
        ?.subject.rdns.flat()
        .some(({ type, tag }) => type === oids.emailAddress && tag !== Tag.ia5String) === true,
  },
  'wildcard over a single label': {
    source: 'RFC 9525, 6.3',
    says: 'a private trust domain may be a single label; OpenSSL wants two labels behind a wildcard',
    applies: ({ code }, comparison) =>
      code === errors.hostname && leafNames(comparison, 'dns').some(name => /^\*\.[^.]+$/.test(textOf(name))),
  },
  'final period of a DNS name': {
    source: 'RFC 1034, 3.1',
    says: 'a final period in the name asked for says that it is absolute; OpenSSL compares it',
    applies: ({ code }, { item: { request } }) =>
      code === errors.hostname && request.name?.value.endsWith('.') === true,
  },
};

function isPointOfIssuer(crl: Crl): boolean {
  const point = issuingDistributionPoint(crl)?.distributionPoint;
  return (
    point?.kind === 'fullName' &&
    point.names.some(name => name.kind === 'directory' && namesMatch(name.name, crl.issuer))
  );
}

const recognised = [
  oids.authorityInfoAccess,
  oids.authorityKeyIdentifier,
  oids.freshestCRL,
  oids.issuerAltName,
  oids.subjectInfoAccess,
  oids.subjectKeyIdentifier,
];

function pointsElsewhere(from: Certificate | Crl | undefined, issuer: Certificate | undefined): boolean {
  if (from === undefined || issuer === undefined) return false;
  const wanted = authorityKeyIdentifier(from);
  const own = subjectKeyIdentifier(issuer);
  const otherKey = wanted?.keyIdentifier && own && !sameOctets(wanted.keyIdentifier, own);
  const otherSerial =
    wanted?.authorityCertSerialNumber && !sameOctets(wanted.authorityCertSerialNumber, issuer.serialNumber);
  return otherKey === true || otherSerial === true || wanted?.authorityCertIssuer !== undefined;
}

/** Of two that are given several certificates, only one goes back and tries the next. */
export const backtracking = {
  source: 'RFC 4158, 2.4.2',
  says: 'a certificate that leads nowhere is left for the next of its name; OpenSSL keeps to the first that it likes',
} as const;

const certificateOf = (comparison: Comparison, subject: string): Certificate | undefined =>
  chainOf(comparison).find(certificate => label(certificate) === subject);

const isAnchor = (comparison: Comparison, subject: string): boolean => {
  const anchor = chainOf(comparison).at(-1);
  return anchor !== undefined && label(anchor) === subject;
};

/** Named one by one, so that a good name which mtlsctl takes for malformed is not explained. */
const malformedConstraints: ReadonlySet<string> = new Set([
  ...['DNS:.', 'DNS:*.link.internal', 'DNS:link.internal.', 'DNS:li nk', 'email:@link.internal', 'URI:10.0.0.1'],
  'IP:10.1.2.3/255.0.255.0',
]);

const malformedNames: ReadonlySet<string> = new Set([
  ...['DNS:', 'DNS:*', 'DNS:.link.internal', 'DNS:10.1.2.3', 'DNS:a..link.internal', 'DNS:sv*.link.internal'],
  ...['DNS:svc.link.internal.', String.raw`DNS:svc.link.internal\00.com`],
  ...['email:', 'email:@link.internal', 'email:link.internal', 'email:user@', 'email:a@b@link.internal'],
  ...['URI:', 'URI:urn:x', 'URI:link.internal', 'URI://link.internal/x', 'URI:https:/link.internal', 'URI:https://'],
  ...['URI:https://10.0.0.1/', 'URI:https://[fd00::1]/'],
]);

const serverGatedCrypto = '1.3.6.1.4.1.311.10.3.3';

/** mtlsctl refuses, OpenSSL accepts. */
export const stricter: Readonly<Record<string, Explanation<Reason>>> = {
  'more rules of section 4': {
    source: 'RFC 5280, section 4',
    says: 'strict holds to every rule that can be seen; -x509_strict to some',
    applies: ({ code }, { item }) =>
      item.request.strict && Object.hasOwn(sectionFourRules, code) && !rulesOfOpenssl.has(code),
  },
  'algorithms of the anchor': {
    source: 'RFC 5280, 4.1.1.2',
    says: 'the two algorithms of a certificate are the same, in that of the anchor, too; OpenSSL does not look there',
    applies: (reason, comparison) => reason.code === 'algorithm-mismatch' && isAnchor(comparison, reason.subject),
  },
  'curves under the floor': {
    source: 'NIST SP 800-186, section 3 and CA/Browser Forum, Baseline Requirements, 6.1.5',
    says: 'P-224 and secp256k1 are refused in every profile; OpenSSL goes by their strength alone',
    applies: reason => reason.code === 'key-refused' && ['EC P-224', 'EC secp256k1'].includes(reason.key),
  },
  'hashes under the floor': {
    source: 'CA/Browser Forum, Baseline Requirements, 7.1.3.2',
    says: 'SHA-224 is refused in every profile; OpenSSL goes by its strength alone',
    applies: reason => reason.code === 'algorithm-refused' && reason.algorithm.endsWith('SHA224'),
  },
  'critical extension that is not processed': {
    source: 'RFC 5280, 6.1.4 (o)',
    says: 'only what is processed may be critical; OpenSSL lets id-pkix-ocsp-nocheck pass',
    applies: reason => reason.code === 'critical-extension-unknown' && reason.extension === 'id-pkix-ocsp-nocheck',
  },
  'server gated crypto': {
    source: 'RFC 5280, 4.2.1.12',
    says: 'a purpose is itself only; OpenSSL takes server gated crypto for serverAuth',
    applies: reason =>
      reason.code === 'extended-key-usage' &&
      reason.required === 'serverAuth' &&
      reason.found.includes(serverGatedCrypto),
  },
  'empty list in an extension': {
    source: 'RFC 5280, 4.2.1.6 and 4.2.1.12',
    says: 'SEQUENCE SIZE (1..MAX) has an element; OpenSSL reads an empty one',
    applies: (reason, comparison) =>
      reason.code === 'extension-malformed' &&
      [oids.subjectAltName, oids.extendedKeyUsage].some(oid =>
        isEmptySequence(certificateOf(comparison, reason.subject), oid),
      ),
  },
  'address that is none': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'a constraint on addresses has 8 or 32 octets; OpenSSL lets any other number match nothing',
    applies: reason =>
      reason.code === 'extension-malformed' &&
      reason.extension === 'nameConstraints' &&
      reason.problem.startsWith('iPAddress of 5 octets'),
  },
  'policies of the anchor that do not parse': {
    source: 'RFC 5280, 4.2.1.4 and RFC 5937, section 3',
    says: 'the extensions of the anchor have to be readable; OpenSSL does not look at its policies',
    applies: (reason, comparison) =>
      reason.code === 'extension-malformed' &&
      reason.extension === 'certificatePolicies' &&
      isAnchor(comparison, reason.subject),
  },
  'CA without basicConstraints': {
    source: 'RFC 5280, 6.1.4 (k)',
    says: 'a CA says so; OpenSSL also takes keyCertSign alone, or a self-signed certificate of version 1, for it',
    applies: (reason, comparison) => {
      if (reason.code !== 'not-a-ca') return false;
      const certificate = certificateOf(comparison, reason.subject);
      return certificate !== undefined && findExtension(certificate, oids.basicConstraints) === undefined;
    },
  },
  'constraint that does not parse': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'what cannot be read might forbid everything; OpenSSL compares the text, or never comes to it',
    applies: reason => reason.code === 'name-constraint-malformed' && malformedConstraints.has(reason.constraint),
  },
  'name that does not parse': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'a malformed name lies within no constraint and outside of none; OpenSSL compares the text',
    applies: reason => reason.code === 'name-malformed' && malformedNames.has(reason.name),
  },
  'wildcard that reaches an excluded name': {
    source: 'RFC 5280, 4.2.1.10 and RFC 9525, 6.3',
    says: 'a wildcard stands for each name that it matches; OpenSSL compares its text (compare CVE-2025-61727)',
    applies: reason => reason.code === 'name-excluded' && reason.name.startsWith('DNS:*.'),
  },
  'empty excluded constraint': {
    source: 'RFC 5280, 4.2.1.10',
    says: 'the empty constraint holds everything, as it does for DNS names; OpenSSL takes it for a host without a name',
    applies: reason => reason.code === 'name-excluded' && ['email:', 'URI:'].includes(reason.constraint),
  },
  'excluded host of a URI': {
    source: 'RFC 3986, 3.2',
    says: 'the host stands between user information and query; OpenSSL reads up to the next colon or slash',
    applies: reason => reason.code === 'name-excluded' && /^URI:[^/]*:\/\/[^/]*[@?#]/.test(reason.name),
  },
  'no fallback to the common name': {
    source: 'RFC 9525, section 2',
    says: 'a common name is no DNS name; OpenSSL looks at it where there is no DNS name',
    applies: (reason, comparison) =>
      reason.code === 'name-mismatch' &&
      comparison.item.request.name?.kind === 'dns' &&
      leafNames(comparison, 'dns').length === 0,
  },
  'no fallback to the e-mail address of the subject': {
    source: 'RFC 5280, 4.2.1.6',
    says: 'e-mail addresses stand in subjectAltName; OpenSSL looks at the subject, too',
    applies: (reason, { item }) =>
      reason.code === 'name-mismatch' &&
      item.request.name?.kind === 'email' &&
      item.leaf.subject.rdns.flat().some(({ type }) => type === oids.emailAddress),
  },
  'partial wildcard': {
    source: 'RFC 9525, 6.3',
    says: 'a wildcard is the whole left-most label; OpenSSL also takes a part of it',
    applies: (reason, comparison) =>
      reason.code === 'name-mismatch' &&
      comparison.item.request.name?.kind === 'dns' &&
      leafNames(comparison, 'dns').some(name => /^[^.]+\*|^\*[^.]/.test(textOf(name))),
  },
  'malformed name asked for': {
    source: 'RFC 9525, 6.3',
    says: 'what is asked for is a DNS name; OpenSSL reads a period in front as "anything below", and compares what is none',
    applies: reason =>
      reason.code === 'reference-name-malformed' && ['DNS:.link.internal', 'DNS:svc..internal'].includes(reason.name),
  },
  'final period of a presented name': {
    source: 'RFC 5280, 4.2.1.6 and RFC 1034, 3.5',
    says: 'the preferred name syntax has no final period; OpenSSL compares the text',
    applies: (reason, comparison) =>
      reason.code === 'name-mismatch' &&
      comparison.item.request.name?.value.endsWith('.') === true &&
      leafNames(comparison, 'dns').some(name => textOf(name).endsWith('.')),
  },
  'mapping of any-policy': {
    source: 'RFC 5280, 6.1.4 (a)',
    says: 'any-policy is never mapped; OpenSSL looks at the mappings of certificates with policies only',
    applies: (reason, comparison) => {
      if (reason.code !== 'policy-mapping-any') return false;
      const certificate = certificateOf(comparison, reason.subject);
      return certificate !== undefined && findExtension(certificate, oids.certificatePolicies) === undefined;
    },
  },
  'policy constraints of the anchor': {
    source: 'RFC 5937, section 3',
    says: "the anchor's constraints hold as an issuer's do; OpenSSL does not look at them",
    applies: ({ code }, comparison) => {
      const anchor = chainOf(comparison).at(-1);
      return (
        code === 'policy-required' &&
        anchor !== undefined &&
        (policyConstraints(anchor) !== undefined || inhibitAnyPolicy(anchor) !== undefined)
      );
    },
  },
  'CRL without nextUpdate': {
    source: 'RFC 5280, 5.1.2.5',
    says: 'nextUpdate is there, or nobody knows for how long a CRL counts; OpenSSL lets it count for ever',
    applies: reason => reason.code === 'crl-not-acceptable' && reason.problem === 'has no nextUpdate',
  },
  'extension of a CRL that does not parse': {
    source: 'RFC 5280, 5.2',
    says: 'a CRL that cannot be read in full says nothing; OpenSSL reads what it needs',
    applies: reason =>
      reason.code === 'crl-not-acceptable' && reason.problem.startsWith('has an extension that does not parse'),
  },
  'rules for CRLs': {
    source: 'RFC 5280, 5.2.1 and 5.2.3',
    says: "strict wants the number of a CRL and its issuer's key identifier; -x509_strict has no rules for CRLs",
    applies: (reason, { item }) =>
      item.request.strict &&
      reason.code === 'crl-not-acceptable' &&
      ['has no cRLNumber', 'marks cRLNumber critical', "does not name its issuer's key"].includes(reason.problem),
  },
  'rules for signers of CRLs': {
    source: 'RFC 5280, 6.3.3 (f)',
    says: 'the signer of a CRL is held to the rules of every certificate; OpenSSL does not hold it to -x509_strict',
    applies: (reason, { item }) =>
      item.request.strict && reason.code === 'crl-not-acceptable' && reason.problem.startsWith('is signed by nobody'),
  },
};

/** Rules that -x509_strict knows as well: nothing about them is explained here. */
const rulesOfOpenssl: ReadonlySet<string> = new Set([
  'basic-constraints-not-critical',
  'ca-subject-empty',
  'key-usage-missing',
  'subject-key-identifier-missing',
]);

function isEmptySequence(certificate: Certificate | undefined, oid: string): boolean {
  const value = certificate && findExtension(certificate, oid)?.value;
  return value !== undefined && sameOctets(value, sequence());
}

/** The names of the explanations that together explain why the two differ; undefined where something is left. */
export function explanations(comparison: Comparison): readonly string[] | undefined {
  const { verdict, openssl, alone } = comparison;
  if (verdict.valid === openssl.accepted) return [];
  if (!verdict.valid) return all(stricter, verdict.reasons, comparison);
  if (alone?.accepted === true) return hasOthers(comparison) ? ['backtracking'] : undefined;
  return all(laxer, alone?.errors ?? [], comparison);
}

function all<Finding>(
  table: Readonly<Record<string, Explanation<Finding>>>,
  findings: readonly Finding[],
  comparison: Comparison,
): readonly string[] | undefined {
  const names = findings.map(finding => Object.keys(table).find(name => table[name]!.applies(finding, comparison)));
  const found = names.filter(name => name !== undefined);
  return found.length === findings.length && found.length > 0 ? [...new Set(found)] : undefined;
}

/** There were more certificates than those of the chain. */
function hasOthers({ item, verdict: { chain } }: Comparison): boolean {
  return [...item.anchors, ...item.intermediates].some(certificate => !chain.includes(certificate));
}
