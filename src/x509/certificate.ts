import { sha256 } from '@noble/hashes/sha2.js';
import { MtlsctlError } from '../errors.ts';
import type { Element } from '../der/reader.ts';
import {
  Cursor,
  Tag,
  contextConstructed,
  contextPrimitive,
  elementBytes,
  malformed,
  readContained,
  readElement,
} from '../der/reader.ts';
import {
  hexOf,
  readBitString,
  readIntegerBytes,
  readSmallInteger,
  readTime,
  readWholeBitString,
} from '../der/values.ts';
import { unsignedIntegerContent } from '../der/writer.ts';
import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import { readAlgorithmIdentifier } from './algorithm-identifier.ts';
import type { Extension, HasExtensions } from './extension.ts';
import { readExtensions } from './extension.ts';
import type { Name } from './name.ts';
import { readName } from './name.ts';
import { asDer, looksLikePem, readPem } from './pem.ts';
import type { SubjectPublicKeyInfo } from './public-key.ts';
import { readSubjectPublicKeyInfo } from './public-key.ts';

/** RFC 5280, 4.1. */
export interface Certificate extends HasExtensions {
  readonly der: Uint8Array;
  /** The octets that are signed. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2 | 3;
  /** Content octets of the INTEGER; what RFC 5280, 4.1.2.2 wants of it (positive, 20 octets at most) is left to the lints. */
  readonly serialNumber: Uint8Array;
  /** The one outside the signed part; RFC 5280, 4.1.1.2 wants it the same as `tbsSignatureAlgorithm`, which is not checked here. */
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly tbsSignatureAlgorithm: AlgorithmIdentifier;
  readonly issuer: Name;
  readonly subject: Name;
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
  /** Tag.utcTime or Tag.generalizedTime: which of them RFC 5280, 4.1.2.5 wants is left to the lints. */
  readonly notBeforeTag: number;
  readonly notAfterTag: number;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  readonly issuerUniqueID: Uint8Array | undefined;
  readonly subjectUniqueID: Uint8Array | undefined;
  readonly signature: Uint8Array;
}

/** Far above any certificate; one with 10,000 names takes 300 kB. */
const maximumCertificate = 4 * 1024 * 1024;

/**
 * Reads one certificate from DER and checks its whole structure, the values of extensions excepted: those are decoded
 * by the functions of extensions.ts when asked for. Throws `malformed`.
 */
export function parseCertificate(der: Uint8Array): Certificate {
  if (der.length > maximumCertificate) malformed(maximumCertificate, 'certificate: larger than 4 MiB');
  const e = readElement(der, 'certificate');
  if (e.tag !== Tag.sequence) malformed(0, 'certificate: not a SEQUENCE');
  const cursor = new Cursor(e);
  const tbs = cursor.expect(Tag.sequence, 'tbsCertificate');
  const signatureAlgorithm = readAlgorithmIdentifier(cursor.next('signatureAlgorithm'), 'signatureAlgorithm');
  const signature = readWholeBitString(cursor.expect(Tag.bitString, 'signatureValue'), 'signatureValue');
  cursor.finish('certificate');
  return { der: e.source, tbs: elementBytes(tbs), signatureAlgorithm, signature, ...readTbs(tbs) };
}

function readTbs(e: Element): Omit<Certificate, 'der' | 'tbs' | 'signatureAlgorithm' | 'signature'> {
  const cursor = new Cursor(e);
  const version = readVersion(cursor);
  const serialNumber = readIntegerBytes(cursor.expect(Tag.integer, 'serialNumber'));
  const tbsSignatureAlgorithm = readAlgorithmIdentifier(cursor.next('signature'), 'signature');
  const issuer = readName(cursor.next('issuer'), 'issuer');
  const validity = new Cursor(cursor.expect(Tag.sequence, 'validity'));
  const notBefore = validity.next('notBefore');
  const notAfter = validity.next('notAfter');
  validity.finish('validity');
  const subject = readName(cursor.next('subject'), 'subject');
  const subjectPublicKeyInfo = readSubjectPublicKeyInfo(cursor.next('subjectPublicKeyInfo'));
  const issuerUniqueID = readUniqueId(cursor, 1, version);
  const subjectUniqueID = readUniqueId(cursor, 2, version);
  const extensions = readTbsExtensions(cursor, version);
  cursor.finish('tbsCertificate');
  return {
    version,
    serialNumber,
    tbsSignatureAlgorithm,
    issuer,
    notBefore: readTime(notBefore),
    notAfter: readTime(notAfter),
    notBeforeTag: notBefore.tag,
    notAfterTag: notAfter.tag,
    subject,
    subjectPublicKeyInfo,
    issuerUniqueID,
    subjectUniqueID,
    extensions,
  };
}

/** RFC 5280, 4.1.2.1: DEFAULT v1, so that one is never written. */
function readVersion(cursor: Cursor): 1 | 2 | 3 {
  const tagged = cursor.optional(contextConstructed(0), 'version');
  if (tagged === undefined) return 1;
  const e = readContained(tagged, 'version');
  if (e.tag !== Tag.integer) malformed(e.start, 'version: not an INTEGER');
  switch (readSmallInteger(e, 2)) {
    case 1:
      return 2;
    case 2:
      return 3;
    default:
      return malformed(e.start, 'version: DEFAULT v1 is encoded');
  }
}

/** RFC 5280, 4.1.2.8. */
function readUniqueId(cursor: Cursor, n: 1 | 2, version: number): Uint8Array | undefined {
  const e = cursor.optional(contextPrimitive(n), 'uniqueIdentifier');
  if (e === undefined) return undefined;
  if (version === 1) malformed(e.start, 'unique identifier in a certificate of version 1');
  return readBitString(e).bytes;
}

/** RFC 5280, 4.1.2.9. */
function readTbsExtensions(cursor: Cursor, version: number): readonly Extension[] {
  const e = cursor.optional(contextConstructed(3), 'extensions');
  if (e === undefined) return [];
  if (version !== 3) malformed(e.start, `extensions in a certificate of version ${version}`);
  return readExtensions(readContained(e, 'extensions'), 'extensions');
}

/** A serial number as mtlsctl prints it: lower-case hex, two digits an octet, without sign octet; a negative one has a `-` before its magnitude. */
export function serialHex(serialNumber: Uint8Array): string {
  const [first = 0] = serialNumber;
  if (first >= 0x80) return `-${hexOf(magnitude(serialNumber))}`;
  return hexOf(first === 0 && serialNumber.length > 1 ? serialNumber.subarray(1) : serialNumber);
}

function magnitude(negative: Uint8Array): Uint8Array {
  const value = (1n << BigInt(8 * negative.length)) - BigInt(`0x${hexOf(negative)}`);
  const hex = value.toString(16);
  return Uint8Array.from(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex'));
}

/** Content octets of a serial number from its hex as `serialHex` writes it (not negative). */
export function serialFromHex(hex: string): Uint8Array {
  return unsignedIntegerContent(Uint8Array.from(Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')));
}

/** SHA-256 in lower-case hex. Not by node:crypto, which takes Node 3 ms to load: `inspect` does without. */
export function fingerprint(der: Uint8Array): string {
  return hexOf(sha256(der));
}

const certificateLabels: ReadonlySet<string> = new Set(['CERTIFICATE', 'X509 CERTIFICATE']);

/** Every certificate of a PEM file, in its order, or the one of a DER file. Throws `malformed`, also where there is none. */
export function readCertificates(file: Uint8Array): Certificate[] {
  if (!looksLikePem(file)) return [parseCertificate(asDer(file))];
  const certificates = readPem(file)
    .filter(block => certificateLabels.has(block.label))
    .map(block => parseCertificate(block.der));
  if (certificates.length === 0) throw new MtlsctlError('malformed', 'no CERTIFICATE block in the PEM file');
  return certificates;
}
