import { createECDH, createHash, createPrivateKey, createPublicKey, sign, type KeyObject } from 'node:crypto';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  bitString,
  boolean,
  encode,
  explicit,
  implicit,
  implicitConstructed,
  integer,
  namedBits,
  octetString,
  oid,
  sequence,
  setOf,
  time,
  utf8String,
} from '../../src/der/writer.ts';
import { parseCertificate, type Certificate } from '../../src/x509/certificate.ts';
import { KeyUsage } from '../../src/x509/extensions.ts';
import { parseCidr, parseIp } from '../../src/x509/general-name.ts';

/** When the chains of these tests are judged; every certificate is valid a year before and after unless told otherwise. */
export const now = Date.UTC(2026, 10, 22, 12, 0, 0);
export const day = 86_400_000;

export interface TestKey {
  readonly privateKey: KeyObject;
  readonly spki: Uint8Array;
  /** AlgorithmIdentifier of its signatures. */
  readonly algorithm: Uint8Array;
  readonly sign: (data: Uint8Array) => Uint8Array;
}

export const ecdsaWithSha256 = sequence(oid(oids.ecdsaWithSha256));

/** A P-256 key that is the same in every run: its scalar is the SHA-256 of its name. */
export function testKey(name: string): TestKey {
  let key = keys.get(name);
  if (key === undefined) keys.set(name, (key = derivedKey(name)));
  return key;
}

const keys = new Map<string, TestKey>();

function derivedKey(name: string): TestKey {
  const ecdh = createECDH('prime256v1');
  const scalar = createHash('sha256').update(name).digest();
  ecdh.setPrivateKey(scalar);
  const algorithm = sequence(oid(oids.ecPublicKey), oid(oids.secp256r1));
  const sec1 = sequence(integer(1), octetString(scalar), explicit(1, bitString(ecdh.getPublicKey())));
  const pkcs8 = sequence(integer(0), algorithm, octetString(sec1));
  return keyOf(createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }), ecdsaWithSha256, 'sha256');
}

/** A test key around any private key of node:crypto. */
export function keyOf(privateKey: KeyObject, algorithm: Uint8Array, hash: string | null, options = {}): TestKey {
  const spki = Uint8Array.from(createPublicKey(privateKey).export({ format: 'der', type: 'spki' }));
  return {
    privateKey,
    spki,
    algorithm,
    sign: data => Uint8Array.from(sign(hash, data, { key: privateKey, ...options })),
  };
}

export interface TestExtension {
  readonly oid: string;
  readonly critical: boolean;
  readonly value: Uint8Array;
}

export const extension = (type: string, critical: boolean, value: Uint8Array): TestExtension => ({
  oid: type,
  critical,
  value,
});

/** Everything has a value that makes a valid chain; a test gives the one that deviates. */
export interface CertificateOptions {
  /** The common name; no name at all for ''. */
  readonly name?: string;
  /** Instead of `name`: the whole subject. */
  readonly subject?: Uint8Array;
  readonly key?: string | TestKey;
  readonly serial?: bigint;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
  readonly email?: readonly string[];
  /** Encoded GeneralNames of other forms. */
  readonly otherNames?: readonly Uint8Array[];
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** null leaves the extension out. */
  readonly keyUsage?: number | null;
  readonly extendedKeyUsage?: readonly string[] | null;
  /** Encoded GeneralNames, as `dnsName()` and its like make them. */
  readonly permitted?: readonly Uint8Array[];
  readonly excluded?: readonly Uint8Array[];
  /** Extensions to add, or to put in the place of those of the same type. */
  readonly extensions?: readonly TestExtension[];
  /** Extensions to leave out. */
  readonly without?: readonly string[];
  readonly version?: 1 | 2 | 3;
  /** Stands for the issuer, whatever its subject. */
  readonly issuerName?: Uint8Array;
  /** Signs in the place of the issuer's key. */
  readonly signer?: TestKey;
  /** AlgorithmIdentifier outside the signed part. */
  readonly outerAlgorithm?: Uint8Array;
  /** AlgorithmIdentifier inside the signed part. */
  readonly innerAlgorithm?: Uint8Array;
}

export interface Entity {
  readonly certificate: Certificate;
  readonly key: TestKey;
}

/** A self-signed root. */
export function authority(options: CertificateOptions = {}): Entity {
  const name = options.name ?? 'root';
  const key = keyFrom(options, `root ${name}`);
  const subject = options.subject ?? commonNameDer(name);
  return build({ subject, key, ca: true }, { ca: true, ...options, name });
}

/** A CA under another. */
export function intermediate(issuer: Entity, options: CertificateOptions = {}): Entity {
  return issue(issuer, { name: 'site-a', ca: true, extendedKeyUsage: null, ...options });
}

/** An end entity under a CA: DNS name `user-svc.link.internal`, both purposes. */
export function issue(issuer: Entity, options: CertificateOptions = {}): Entity {
  const { certificate, key } = issuer;
  return build({ subject: certificate.subject.der, key, ca: false }, options);
}

function keyFrom({ key }: CertificateOptions, fallback: string): TestKey {
  return typeof key === 'object' ? key : testKey(key ?? fallback);
}

interface Issuer {
  readonly subject: Uint8Array;
  readonly key: TestKey;
  /** The certificate is its own issuer. */
  readonly ca: boolean;
}

let nextSerial = 1000n;

function build(issuer: Issuer, options: CertificateOptions): Entity {
  const name = options.name ?? 'user-svc';
  const key = issuer.ca ? issuer.key : keyFrom(options, `${options.ca === true ? 'ca' : 'leaf'} ${name}`);
  const algorithm = options.innerAlgorithm ?? (options.signer ?? issuer.key).algorithm;
  const { version = 3 } = options;
  const tbs = sequence(
    ...(version === 1 ? [] : [explicit(0, integer(version - 1))]),
    integer(options.serial ?? nextSerial++),
    algorithm,
    options.issuerName ?? (issuer.ca ? (options.subject ?? commonNameDer(name)) : issuer.subject),
    sequence(time(options.notBefore ?? now - 365 * day), time(options.notAfter ?? now + 365 * day)),
    options.subject ?? commonNameDer(name),
    key.spki,
    ...(version === 3 ? [explicit(3, sequence(...extensionsOf(options, key, issuer).map(encodeExtension)))] : []),
  );
  const signature = (options.signer ?? issuer.key).sign(tbs);
  const der = sequence(tbs, options.outerAlgorithm ?? algorithm, bitString(signature));
  return { certificate: parseCertificate(der), key };
}

function extensionsOf(options: CertificateOptions, key: TestKey, issuer: Issuer): readonly TestExtension[] {
  const all = new Map(defaultExtensions(options, key, issuer).map(item => [item.oid, item]));
  for (const item of options.extensions ?? []) all.set(item.oid, item);
  for (const type of options.without ?? []) all.delete(type);
  return [...all.values()];
}

function defaultExtensions(options: CertificateOptions, key: TestKey, issuer: Issuer): readonly TestExtension[] {
  const { ca = false, pathLength } = options;
  const usage = options.keyUsage === undefined ? defaultUsage(ca) : options.keyUsage;
  const purposes = options.extendedKeyUsage === undefined ? defaultPurposes(ca) : options.extendedKeyUsage;
  const names = subjectNames(options, ca);
  const constraints = [options.permitted, options.excluded].map(
    (bases, n) => bases && implicitConstructed(n, ...bases.map(base => sequence(base))),
  );
  return [
    extension(oids.basicConstraints, true, basicConstraintsDer(ca, pathLength)),
    ...(usage === null ? [] : [extension(oids.keyUsage, true, namedBits(usage))]),
    ...(purposes === null ? [] : [extension(oids.extendedKeyUsage, false, sequence(...purposes.map(oid)))]),
    ...(names.length === 0 ? [] : [extension(oids.subjectAltName, isEmpty(options), sequence(...names))]),
    ...(constraints.some(part => part !== undefined)
      ? [extension(oids.nameConstraints, true, sequence(...constraints.filter(part => part !== undefined)))]
      : []),
    extension(oids.subjectKeyIdentifier, false, octetString(keyId(key.spki))),
    extension(oids.authorityKeyIdentifier, false, sequence(implicit(0, keyId(issuer.key.spki)))),
  ];
}

const isEmpty = (options: CertificateOptions): boolean =>
  (options.subject ?? commonNameDer(options.name ?? '-')).length === 2;

const defaultUsage = (ca: boolean): number =>
  ca ? KeyUsage.keyCertSign | KeyUsage.cRLSign : KeyUsage.digitalSignature;

const defaultPurposes = (ca: boolean): readonly string[] | null => (ca ? null : [oids.serverAuth, oids.clientAuth]);

function subjectNames(options: CertificateOptions, ca: boolean): readonly Uint8Array[] {
  const given = [
    ...(options.dns ?? []).map(dnsName),
    ...(options.ip ?? []).map(ipName),
    ...(options.uri ?? []).map(uriName),
    ...(options.email ?? []).map(emailName),
    ...(options.otherNames ?? []),
  ];
  return given.length > 0 || ca || options.dns !== undefined ? given : [dnsName('user-svc.link.internal')];
}

function basicConstraintsDer(ca: boolean, pathLength: number | undefined): Uint8Array {
  return sequence(...(ca ? [boolean(true)] : []), ...(pathLength === undefined ? [] : [integer(pathLength)]));
}

export function encodeExtension({ oid: type, critical, value }: TestExtension): Uint8Array {
  return sequence(oid(type), ...(critical ? [boolean(true)] : []), octetString(value));
}

/** Any text that is a key's own will do as its identifier: RFC 5280, 4.2.1.2. */
export function keyId(spki: Uint8Array): Uint8Array {
  return Uint8Array.from(createHash('sha1').update(spki).digest());
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'latin1'));

export const dnsName = (name: string): Uint8Array => implicit(2, latin1(name));
export const emailName = (name: string): Uint8Array => implicit(1, latin1(name));
export const uriName = (name: string): Uint8Array => implicit(6, latin1(name));
export const directoryName = (name: Uint8Array): Uint8Array => explicit(4, name);

export function ipName(address: string): Uint8Array {
  return implicit(7, parseIp(address) ?? latin1(address));
}

/** As name constraints have it: address and mask. */
export function subnetName(cidr: string): Uint8Array {
  return implicit(7, parseCidr(cidr) ?? latin1(cidr));
}

/** A Name of one attribute a RelativeDistinguishedName, the most general first; values as UTF8String. */
export function nameDer(...attributes: readonly (readonly [type: string, value: string])[]): Uint8Array {
  return sequence(...attributes.map(([type, value]) => setOf(sequence(oid(type), utf8String(value)))));
}

export function commonNameDer(name: string): Uint8Array {
  return name === '' ? sequence() : nameDer([oids.commonName, name]);
}

/** An attribute value of another string type than UTF8String. */
export function nameWith(type: string, tag: number, value: string): Uint8Array {
  return sequence(setOf(sequence(oid(type), encode(tag, latin1(value)))));
}
