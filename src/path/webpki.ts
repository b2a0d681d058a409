import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from '../x509/certificate.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  extendedKeyUsage,
  findExtension,
  subjectAltName,
  subjectKeyIdentifier,
} from '../x509/extensions.ts';
import { parseIp, formatIp } from '../x509/general-name.ts';
import { commonName, isEmptyName } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { publicKeyFacts } from '../x509/public-key.ts';
import { isSelfIssued } from './self-issued.ts';
import type { Role, Rule } from './rules.ts';

const brSource = 'CA/Browser Forum, Baseline Requirements';

const rootAuthorityKey = (certificate: Certificate, role: Role): ReturnType<typeof authorityKeyIdentifier> =>
  role === 'anchor' && isSelfIssued(certificate) ? authorityKeyIdentifier(certificate) : undefined;

/** Rules of the Baseline Requirements that a verifier can see. Applied under the profile `webpki` only, and always as refusals. */
export const webpkiRules = {
  'common-name-not-in-subject-alternative-name': {
    source: `${brSource}, 7.1.4.3`,
    says: 'has a common name that is not among its subjectAltName, letter for letter',
    broken: (certificate, role) => role === 'leaf' && !commonNameIsAmongNames(certificate),
  },
  'extended-key-usage-any': {
    source: `${brSource}, 7.1.2.7.10`,
    says: 'allows any extended key usage',
    broken: (certificate, role) =>
      role === 'leaf' && extendedKeyUsage(certificate)?.includes(oids.anyExtendedKeyUsage) === true,
  },
  'extended-key-usage-critical': {
    source: `${brSource}, 7.1.2.7.6`,
    says: 'marks extKeyUsage critical',
    broken: (certificate, role) =>
      role === 'leaf' && findExtension(certificate, oids.extendedKeyUsage)?.critical === true,
  },
  'extended-key-usage-missing': {
    source: `${brSource}, 7.1.2.7.6`,
    says: 'has no extKeyUsage',
    broken: (certificate, role) => role === 'leaf' && findExtension(certificate, oids.extendedKeyUsage) === undefined,
  },
  'key-type-not-listed': {
    source: `${brSource}, 6.1.5`,
    says: 'has a key that is neither RSA of whole octets nor EC on P-256, P-384 or P-521',
    broken: certificate => {
      const facts = publicKeyFacts(certificate.subjectPublicKeyInfo);
      return facts.kind === 'rsa' ? facts.modulusBits % 8 !== 0 : facts.kind !== 'ec';
    },
  },
  'leaf-is-ca': {
    source: `${brSource}, 7.1.2.7.8`,
    says: 'is a CA in the place of an end entity',
    broken: (certificate, role) => role === 'leaf' && basicConstraints(certificate)?.ca === true,
  },
  'root-authority-key-identifier-issuer': {
    source: `${brSource}, 7.1.2.1.3`,
    says: 'has an authorityKeyIdentifier with issuer or serial number',
    broken: (certificate, role) => {
      const identifier = rootAuthorityKey(certificate, role);
      return identifier?.authorityCertIssuer !== undefined || identifier?.authorityCertSerialNumber !== undefined;
    },
  },
  'root-authority-key-identifier-mismatch': {
    source: `${brSource}, 7.1.2.1.3`,
    says: 'has an authorityKeyIdentifier whose keyIdentifier is missing or not its own subjectKeyIdentifier',
    broken: (certificate, role) => {
      const identifier = rootAuthorityKey(certificate, role);
      if (identifier === undefined) return false;
      const own = subjectKeyIdentifier(certificate);
      return own === undefined || identifier.keyIdentifier === undefined || !sameOctets(identifier.keyIdentifier, own);
    },
  },
  'root-extended-key-usage': {
    source: `${brSource}, 7.1.2.1.2`,
    says: 'is a root with extKeyUsage',
    broken: (certificate, role) =>
      role === 'anchor' && isSelfIssued(certificate) && findExtension(certificate, oids.extendedKeyUsage) !== undefined,
  },
  'subject-alternative-name-critical': {
    source: `${brSource}, 7.1.2.7.12`,
    says: 'marks subjectAltName critical although its subject is not empty',
    broken: (certificate, role) =>
      role === 'leaf' &&
      !isEmptyName(certificate.subject) &&
      findExtension(certificate, oids.subjectAltName)?.critical === true,
  },
  'subject-alternative-name-missing': {
    source: `${brSource}, 7.1.2.7.12`,
    says: 'has no subjectAltName',
    broken: (certificate, role) => role === 'leaf' && subjectAltName(certificate) === undefined,
  },
  'version-not-3': {
    source: `${brSource}, 7.1.1`,
    says: 'is not of version 3',
    broken: certificate => certificate.version !== 3,
  },
  'wildcard-over-public-suffix': {
    source: `${brSource}, 3.2.2.6`,
    says: 'has a wildcard directly under a public suffix',
    broken: (certificate, role) =>
      role === 'leaf' &&
      (subjectAltName(certificate) ?? []).some(
        name => name.kind === 'dns' && name.value.startsWith('*.') && isPublicSuffix(name.value.slice(2)),
      ),
  },
} as const satisfies Readonly<Record<string, Rule>>;

/** Suffixes of hosters, under which every name belongs to another customer. */
const hosters: ReadonlySet<string> = new Set(
  (
    'appspot.com azurewebsites.net blogspot.com cloudapp.net cloudfront.net elasticbeanstalk.com firebaseapp.com github.io gitlab.io ' +
    'herokuapp.com myshopify.com netlify.app pages.dev run.app s3.amazonaws.com vercel.app web.app workers.dev'
  ).split(' '),
);

/**
 * Every top-level domain, the registries under country codes that are named by function, and the larger hosters. The whole Public Suffix List is
 * data of another project that changes weekly; a private PKI has no use for it.
 */
function isPublicSuffix(domain: string): boolean {
  const registry = /^(?:ac|co|com|edu|gov|ltd|me|mil|net|nhs|org|plc|police|sch)\.[a-z]{2}$/;
  const suffix = domain.toLowerCase();
  return !suffix.includes('.') || registry.test(suffix) || hosters.has(suffix);
}

/**
 * Held letter for letter, as the clause has it; but `example.com` may stand beside `*.example.com` alone, which x509-limbo wants accepted.
 */
function commonNameIsAmongNames(certificate: Certificate): boolean {
  const wanted = commonName(certificate.subject);
  if (wanted === undefined) return true;
  const address = parseIp(wanted);
  if (address !== undefined && formatIp(address) !== wanted) return false;
  return (subjectAltName(certificate) ?? []).some(name => {
    if (name.kind === 'ip') return address !== undefined && sameOctets(name.bytes, address);
    return name.kind === 'dns' && (name.value === wanted || name.value === `*.${wanted}`);
  });
}
