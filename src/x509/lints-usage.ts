import { oids } from '../der/object-identifiers.ts';
import type { Certificate } from './certificate.ts';
import { extendedKeyUsage, keyUsage, KeyUsage } from './extensions.ts';
import { hasRepeated, isCritical, isNotCritical, lintsOf, mayDo } from './lint-rule.ts';
import { publicKeyFacts } from './public-key.ts';

const encipherment = KeyUsage.keyEncipherment | KeyUsage.dataEncipherment;
const onlyAgreement = KeyUsage.encipherOnly | KeyUsage.decipherOnly;
const signing = KeyUsage.digitalSignature | KeyUsage.nonRepudiation | KeyUsage.keyCertSign | KeyUsage.cRLSign;

/** What the key may be used for, and whether it can. */
export const usageLints = lintsOf({
  'key-usage-missing': {
    source: 'RFC 5280, 4.2.1.3',
    appliesTo: 'ca',
    says: 'is a CA without keyUsage',
    broken: c => keyUsage(c) === undefined,
  },
  'key-usage-empty': {
    source: 'RFC 5280, 4.2.1.3',
    says: 'has a keyUsage without any bit',
    broken: c => keyUsage(c) === 0,
  },
  'key-usage-not-critical': {
    source: 'RFC 5280, 4.2.1.3',
    level: 'warning',
    says: 'does not mark keyUsage critical',
    broken: isNotCritical(oids.keyUsage),
  },
  'key-cert-sign-missing': {
    source: 'RFC 5280, 4.2.1.3',
    appliesTo: 'ca',
    level: 'warning',
    says: 'is a CA whose keyUsage lacks keyCertSign',
    broken: c => !mayDo(c, KeyUsage.keyCertSign),
  },
  'key-cert-sign-without-ca': {
    source: 'RFC 5280, 4.2.1.9',
    appliesTo: 'end-entity',
    says: 'may sign certificates by its keyUsage, and is no CA by its basicConstraints',
    broken: c => mayDo(c, KeyUsage.keyCertSign),
  },
  'encipher-only-without-agreement': {
    source: 'RFC 5280, 4.2.1.3',
    says: 'has encipherOnly or decipherOnly without keyAgreement',
    broken: c => mayDo(c, onlyAgreement) && !mayDo(c, KeyUsage.keyAgreement),
  },
  'encipherment-with-signing-key': {
    source: 'RFC 8813, 3',
    says: 'has keyEncipherment or dataEncipherment for a key that cannot encipher',
    broken: c => mayDo(c, encipherment) && keyKind(c) !== 'rsa',
  },
  'agreement-with-signature-key': {
    source: 'RFC 8410, 5',
    says: 'has keyAgreement for a key that only signs',
    broken: c => mayDo(c, KeyUsage.keyAgreement) && ['ed25519', 'ed448', 'rsa'].includes(keyKind(c)),
  },
  'signing-with-agreement-key': {
    source: 'RFC 8410, 5',
    says: 'may sign by its keyUsage with a key that cannot',
    broken: c => mayDo(c, signing) && ['x25519', 'x448'].includes(keyKind(c)),
  },
  'any-purpose-critical': {
    source: 'RFC 5280, 4.2.1.12',
    level: 'warning',
    says: 'marks extendedKeyUsage critical though it allows any purpose',
    broken: c =>
      isCritical(oids.extendedKeyUsage)(c) && extendedKeyUsage(c)?.includes(oids.anyExtendedKeyUsage) === true,
  },
  'purpose-without-usage': {
    source: 'RFC 5280, 4.2.1.12',
    appliesTo: 'end-entity',
    says: 'has a TLS purpose that its keyUsage leaves no use for',
    broken: c =>
      keyUsage(c) !== undefined &&
      hasTlsPurpose(c) &&
      !mayDo(c, KeyUsage.digitalSignature | KeyUsage.keyEncipherment | KeyUsage.keyAgreement),
  },
  'purpose-repeated': {
    source: 'RFC 5280, 4.2.1.12',
    level: 'warning',
    says: 'names a purpose twice',
    broken: c => hasRepeated(extendedKeyUsage(c) ?? []),
  },
});

function keyKind(certificate: Certificate): string {
  return publicKeyFacts(certificate.subjectPublicKeyInfo).kind;
}

function hasTlsPurpose(certificate: Certificate): boolean {
  return (
    extendedKeyUsage(certificate)?.some(purpose => purpose === oids.serverAuth || purpose === oids.clientAuth) === true
  );
}
