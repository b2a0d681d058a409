import { oids } from '../../../src/der/object-identifiers.ts';
import {
  boolean,
  explicit,
  implicit,
  implicitConstructed,
  integer,
  nullValue,
  octetString,
  oid,
  sequence,
} from '../../../src/der/writer.ts';
import { KeyUsage } from '../../../src/x509/extensions.ts';
import {
  day,
  directoryName,
  ecdsaWithSha256,
  extension,
  keyId,
  nameWith,
  now,
  testKey,
  type CertificateOptions,
} from '../../path/certificates.ts';
import { subjectOf } from '../generate.ts';
import { keyOfKind, withBrokenSignatures } from '../keys.ts';
import { caPlaces, change, changeExtensions, leafPlace, places, type Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Mutation, Mutations } from './mutation.ts';

const somewhere = (plan: Plan, random: Random): number =>
  random.pick(places(plan).filter(place => place >= plan.anchor));
const someCa = (plan: Plan, random: Random): number => random.pick(caPlaces(plan));
const leaf = (plan: Plan): number => leafPlace(plan);

/** A certificate somewhere deviates in one of these ways. */
const deviation =
  (where: (plan: Plan, random: Random) => number, options: readonly CertificateOptions[]): Mutation =>
  (plan, random) => {
    change(plan, where(plan, random), random.pick(options));
    return true;
  };

const extended =
  (
    where: (plan: Plan, random: Random) => number,
    extensions: readonly NonNullable<CertificateOptions['extensions']>[number][],
  ): Mutation =>
  (plan, random) => {
    changeExtensions(plan, where(plan, random), [random.pick(extensions)]);
    return true;
  };

const unknown = '1.3.6.1.4.1.55555.9';
const usageBits = Object.values(KeyUsage);

const purposeSets = [
  [oids.serverAuth],
  [oids.clientAuth],
  [oids.codeSigning],
  [oids.anyExtendedKeyUsage],
  [oids.anyExtendedKeyUsage, oids.codeSigning],
  [oids.serverAuth, oids.emailProtection],
  ['1.3.6.1.4.1.311.10.3.3'], // Microsoft's server gated crypto
  null,
];

export const certificateMutations: Mutations = {
  expired: deviation(somewhere, [{ notAfter: now - 1000 }, { notAfter: now - day }, { notAfter: now }]),
  'not yet valid': deviation(somewhere, [{ notBefore: now + 1000 }, { notBefore: now + day }, { notBefore: now }]),
  'dates far away': deviation(somewhere, [
    { notAfter: Date.UTC(9999, 11, 31, 23, 59, 59) },
    { notBefore: Date.UTC(1950, 0, 1) },
  ]),
  'dates reversed': deviation(somewhere, [{ notBefore: now + day, notAfter: now - day }]),
  'CA bit false': deviation(someCa, [{ ca: false, keyUsage: KeyUsage.keyCertSign | KeyUsage.cRLSign }]),
  'basicConstraints missing': deviation(
    (plan, random) => somewhere(plan, random),
    [{ without: [oids.basicConstraints] }],
  ),
  'basicConstraints not critical': extended(someCa, [extension(oids.basicConstraints, false, sequence(boolean(true)))]),
  'basicConstraints on a leaf': extended(leaf, [
    extension(oids.basicConstraints, true, sequence(boolean(true))),
    extension(oids.basicConstraints, true, sequence(integer(0))),
    extension(oids.basicConstraints, false, sequence()),
  ]),
  pathLenConstraint: (plan, random) => {
    change(plan, someCa(plan, random), { pathLength: random.integer(3) });
    return true;
  },
  'keyUsage of a CA': deviation(someCa, [
    { keyUsage: KeyUsage.cRLSign },
    { keyUsage: KeyUsage.keyCertSign },
    { keyUsage: KeyUsage.digitalSignature },
    { keyUsage: null },
  ]),
  'keyUsage of a leaf': (plan, random) => {
    const bits = random.shuffle(usageBits).slice(0, 1 + random.integer(3));
    change(plan, leaf(plan), { keyUsage: bits.reduce((all, bit) => all | bit, 0) });
    return true;
  },
  'keyUsage without bits': extended(somewhere, [
    extension(oids.keyUsage, true, Uint8Array.of(3, 1, 0)),
    extension(oids.keyUsage, true, Uint8Array.of(3, 2, 7, 0)),
  ]),
  'keyUsage not critical': extended(somewhere, [extension(oids.keyUsage, false, Uint8Array.of(3, 2, 1, 0x86))]),
  'extendedKeyUsage of a leaf': (plan, random) => {
    change(plan, leaf(plan), { extendedKeyUsage: random.pick(purposeSets) });
    return true;
  },
  'extendedKeyUsage of a CA': (plan, random) => {
    change(plan, someCa(plan, random), { extendedKeyUsage: random.pick(purposeSets) });
    return true;
  },
  'extendedKeyUsage critical': extended(somewhere, [
    extension(oids.extendedKeyUsage, true, sequence(oid(oids.serverAuth), oid(oids.clientAuth))),
  ]),
  'extendedKeyUsage empty': extended(somewhere, [extension(oids.extendedKeyUsage, false, sequence())]),
  'unknown extension': extended(somewhere, [
    extension(unknown, true, nullValue()),
    extension(unknown, true, octetString(new Uint8Array(3))),
    extension(unknown, false, nullValue()),
  ]),
  'known extension wrongly critical': extended(somewhere, [
    extension(oids.subjectKeyIdentifier, true, octetString(new Uint8Array(20))),
    extension(oids.subjectInfoAccess, true, sequence()),
    extension(oids.netscapeComment, true, Uint8Array.of(22, 1, 65)),
    extension(oids.subjectDirectoryAttributes, true, sequence()),
    extension(oids.tlsFeature, true, sequence(integer(5))),
    extension(oids.ocspNoCheck, true, nullValue()),
    extension(oids.freshestCRL, true, sequence(sequence(explicit(0, explicit(0, directoryName(subjectOf('root'))))))),
    extension(oids.issuerAltName, true, sequence(directoryName(subjectOf('root')))),
  ]),
  'extension that does not parse': (plan, random) => {
    const type = random.pick([
      oids.basicConstraints,
      oids.keyUsage,
      oids.extendedKeyUsage,
      oids.subjectAltName,
      oids.nameConstraints,
      oids.subjectKeyIdentifier,
      oids.authorityKeyIdentifier,
      oids.cRLDistributionPoints,
      oids.certificatePolicies,
    ]);
    const value = random.pick([Uint8Array.of(), Uint8Array.of(5, 0), Uint8Array.of(0x30, 3, 1, 1), integer(1)]);
    changeExtensions(plan, somewhere(plan, random), [extension(type, random.chance(0.5), value)]);
    return true;
  },
  'wrong signature': (plan, random) => {
    const place = random.pick(places(plan).filter(item => item >= plan.anchor && item > 0));
    const stranger = testKey('fuzz stranger');
    const own = plan.certificates[place - 1]?.key;
    const broken = typeof own === 'object' ? withBrokenSignatures(own) : stranger;
    change(plan, place, { signer: random.pick([stranger, broken]) });
    return true;
  },
  'self-signature of the root': (plan, random) => {
    if (plan.anchor !== 0) return false;
    change(plan, 0, { signer: random.pick([testKey('fuzz stranger'), keyOfKind('p256 with SHA-1')]) });
    return true;
  },
  authorityKeyIdentifier: (plan, random) => {
    const other = implicit(0, keyId(testKey('fuzz stranger').spki));
    const place = somewhere(plan, random);
    const fields = random.pick([
      [other],
      [],
      [implicitConstructed(1, directoryName(subjectOf('stranger'))), implicit(2, Uint8Array.of(9))],
      [implicit(0, Uint8Array.of())],
    ]);
    changeExtensions(plan, place, [extension(oids.authorityKeyIdentifier, false, sequence(...fields))]);
    return true;
  },
  'authorityKeyIdentifier critical': (plan, random) => {
    const place = somewhere(plan, random);
    const above = plan.certificates[Math.max(0, place - 1)]?.key;
    if (typeof above !== 'object') return false;
    const value = sequence(implicit(0, keyId(above.spki)));
    changeExtensions(plan, place, [extension(oids.authorityKeyIdentifier, true, value)]);
    return true;
  },
  'key identifiers missing': deviation(somewhere, [
    { without: [oids.authorityKeyIdentifier] },
    { without: [oids.subjectKeyIdentifier] },
    { without: [oids.authorityKeyIdentifier, oids.subjectKeyIdentifier] },
  ]),
  'subjectKeyIdentifier of another key': extended(somewhere, [
    extension(oids.subjectKeyIdentifier, false, octetString(keyId(testKey('fuzz stranger').spki))),
    extension(oids.subjectKeyIdentifier, false, octetString(new Uint8Array(0))),
  ]),
  'algorithms differ inside and outside': (plan, random) => {
    const other = keyOfKind('p384').algorithm;
    const place = somewhere(plan, random);
    change(
      plan,
      place,
      random.pick([{ outerAlgorithm: other }, { innerAlgorithm: other, outerAlgorithm: ecdsaWithSha256 }]),
    );
    return true;
  },
  'weak key': (plan, random) => {
    const kind = random.pick(['rsa 1024', 'p224', 'secp256k1'] as const);
    change(plan, somewhere(plan, random), { key: keyOfKind(kind) });
    return true;
  },
  'weak hash': (plan, random) => {
    const place = random.pick(caPlaces(plan));
    change(plan, place, { key: keyOfKind(random.pick(['p256 with SHA-1', 'rsa 2048 with SHA-1'] as const)) });
    return true;
  },
  'serial number': deviation(somewhere, [
    { serial: 0n },
    { serial: -5n },
    { serial: 1n << 158n },
    { serial: 1n << 160n },
  ]),
  'version 1': deviation(somewhere, [{ version: 1 }]),
  'version 2': deviation(somewhere, [{ version: 2 }]),
  'subject empty': deviation(leaf, [{ subject: sequence() }]),
  'subject of a CA empty': deviation(someCa, [{ subject: sequence() }]),
  'issuer of another name': (plan, random) => {
    const place = random.pick(places(plan).filter(item => item >= plan.anchor && item > 0));
    change(plan, place, {
      issuerName: random.pick([subjectOf('nobody'), sequence(), nameWith(oids.commonName, 12, 'root')]),
    });
    return true;
  },
  'subjectAltName missing': deviation(leaf, [{ without: [oids.subjectAltName] }]),
  'subjectAltName empty': extended(leaf, [extension(oids.subjectAltName, false, sequence())]),
};
