import { oids } from '../der/object-identifiers.ts';
import {
  keyUsage,
  KeyUsage,
  extendedKeyUsage,
  authorityKeyIdentifier,
  findExtension,
  subjectKeyIdentifier,
} from './extensions.ts';
import type { Lint } from './lint-rule.ts';
import { sameOctets } from '../der/octets.ts';
import { publicKeyFacts } from './public-key.ts';

/** What mtlsctl holds its own certificates to beyond the standards, from what others got wrong. */
export const ownLints: readonly Lint[] = [
  own('own-serial-128-bits', 'any', 'has a serial number that is not one of 128 random bits', c => {
    const magnitude = c.serialNumber[0] === 0 ? c.serialNumber.subarray(1) : c.serialNumber;
    return magnitude.length !== 16;
  }),
  own(
    'own-outlives-issuer',
    'not-self-issued',
    'outlives its issuer',
    (c, { issuer }) => issuer !== undefined && c.notAfter > issuer.notAfter,
  ),
  own(
    'own-predates-issuer',
    'not-self-issued',
    'begins before its issuer',
    (c, { issuer }) => issuer !== undefined && c.notBefore < issuer.notBefore,
  ),
  own(
    'own-authority-key-identifier-form',
    'any',
    "names its issuer's key by issuer and serial number, which ties it to one certificate of that key",
    c => authorityKeyIdentifier(c)?.authorityCertIssuer !== undefined,
  ),
  own(
    'own-shared-key',
    'not-self-issued',
    'has the key of its issuer',
    (c, { issuer }) => issuer !== undefined && sameOctets(c.subjectPublicKeyInfo.der, issuer.subjectPublicKeyInfo.der),
  ),
  own('own-subject-key-identifier', 'any', 'has no subjectKeyIdentifier', c => subjectKeyIdentifier(c) === undefined),
  own(
    'own-key-usage',
    'any',
    'has no keyUsage, or does not mark it critical',
    c => findExtension(c, oids.keyUsage)?.critical !== true,
  ),
  own('own-crl-sign', 'ca', 'is a CA that may not sign CRLs', c => ((keyUsage(c) ?? 0) & KeyUsage.cRLSign) === 0),
  own(
    'own-cert-sign',
    'ca',
    'is a CA that may not sign certificates',
    c => ((keyUsage(c) ?? 0) & KeyUsage.keyCertSign) === 0,
  ),
  own('own-purposes', 'end-entity', 'is a leaf without extendedKeyUsage', c => extendedKeyUsage(c) === undefined),
  own(
    'own-any-purpose',
    'end-entity',
    'is a leaf for any purpose',
    c => extendedKeyUsage(c)?.includes(oids.anyExtendedKeyUsage) === true,
  ),
  own(
    'own-names',
    'end-entity',
    'is a leaf without subjectAltName',
    c => findExtension(c, oids.subjectAltName) === undefined,
  ),
  // NSS refuses an RSA server without it (TRAPS.md); the other half, none on other keys, is RFC 8813's and 8410's.
  own(
    'own-key-encipherment',
    'end-entity',
    'is a leaf with an RSA key without keyEncipherment',
    c => publicKeyFacts(c.subjectPublicKeyInfo).kind === 'rsa' && ((keyUsage(c) ?? 0) & KeyUsage.keyEncipherment) === 0,
  ),
];

function own(name: string, appliesTo: Lint['appliesTo'], says: string, broken: Lint['broken']): Lint {
  return { name, source: 'mtlsctl', level: 'error', appliesTo, says, broken };
}
