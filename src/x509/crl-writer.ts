import { oids } from '../der/object-identifiers.ts';
import { Tag } from '../der/reader.ts';
import { fitsUtcTime, writeGeneralizedTime } from '../der/time.ts';
import { bitString, explicit, header, implicit, integer, octetString, oid, sequence, time } from '../der/writer.ts';

export interface CrlWriterEntry {
  /** Content octets of the INTEGER, at most 64. */
  readonly serialNumber: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly revocationDate: number;
  /** A CRLReason; 0 (unspecified) is left out, as RFC 5280, 5.3.1 wants. */
  readonly reason?: number | undefined;
  /** Milliseconds since the epoch. */
  readonly invalidityDate?: number | undefined;
}

export interface TbsCrl {
  /** DER of the AlgorithmIdentifier. */
  readonly signatureAlgorithm: Uint8Array;
  /** DER of the Name. */
  readonly issuer: Uint8Array;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly number: bigint;
  /** The issuer's subjectKeyIdentifier. */
  readonly authorityKeyIdentifier: Uint8Array;
  readonly entries: Iterable<CrlWriterEntry>;
  /** DER of further Extensions, such as an issuingDistributionPoint. */
  readonly extensions?: readonly Uint8Array[];
}

/** A tbsCertList of version 2 (RFC 5280, 5.1). Throws RangeError for a value that has no encoding. */
export function encodeTbsCrl(crl: TbsCrl): Uint8Array {
  const entries = encodeEntries(crl.entries);
  const extensions = sequence(
    extension(oids.authorityKeyIdentifier, sequence(implicit(0, crl.authorityKeyIdentifier))),
    extension(oids.cRLNumber, integer(crl.number)),
    ...(crl.extensions ?? []),
  );
  return sequence(
    integer(1),
    crl.signatureAlgorithm,
    crl.issuer,
    time(crl.thisUpdate),
    time(crl.nextUpdate),
    // RFC 5280, 5.1.2.6: absent where nothing is revoked
    ...(entries.length === 0 ? [] : [header(Tag.sequence, entries), ...entries]),
    explicit(0, extensions),
  );
}

function extension(extnID: string, value: Uint8Array): Uint8Array {
  return sequence(oid(extnID), octetString(value));
}

/** A signed certificate, request or CRL: what is signed, the DER of the AlgorithmIdentifier, the signature's octets. */
export function assembleSigned(tbs: Uint8Array, signatureAlgorithm: Uint8Array, signature: Uint8Array): Uint8Array {
  return sequence(tbs, signatureAlgorithm, bitString(signature));
}

/** With more, an entry could reach 128 octets, and lengths would take more than one. RFC 5280, 4.1.2.2 allows 20. */
const maximumSerial = 64;

/** The longest entry: serial number, GeneralizedTime, both extensions. */
const maximumEntry = 2 + (2 + maximumSerial) + 17 + 2 + 12 + 26;

const reasonExtension = Uint8Array.of(0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01);
const invalidityExtension = Uint8Array.of(0x30, 0x18, 0x06, 0x03, 0x55, 0x1d, 0x18, 0x04, 0x11, 0x18, 0x0f);

const chunkSize = 1024 * 1024;

/** All entries, in pieces, written in place: an array for each entry would take ten times as long, and a CRL may have a million. */
function encodeEntries(entries: Iterable<CrlWriterEntry>): readonly Uint8Array[] {
  const chunks: Uint8Array[] = [];
  let chunk = new Uint8Array(chunkSize);
  let position = 0;
  for (const entry of entries) {
    if (position + maximumEntry > chunkSize) {
      chunks.push(chunk.subarray(0, position));
      chunk = new Uint8Array(chunkSize);
      position = 0;
    }
    position = writeEntry(chunk, position, entry);
  }
  return position === 0 ? chunks : [...chunks, chunk.subarray(0, position)];
}

/** Returns the position after the entry. */
function writeEntry(out: Uint8Array, start: number, entry: CrlWriterEntry): number {
  checkSerial(entry.serialNumber);
  out[start] = Tag.sequence;
  out[start + 2] = Tag.integer;
  out[start + 3] = entry.serialNumber.length;
  const serialEnd = writeOctets(out, start + 4, entry.serialNumber);
  const date = writeTime(out, serialEnd, entry.revocationDate);
  const end = writeExtensions(out, date, entry);
  out[start + 1] = end - start - 2;
  return end;
}

function checkSerial(serial: Uint8Array): void {
  const first = serial[0] ?? 0;
  const second = serial[1] ?? 0;
  const padded = serial.length > 1 && ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80));
  if (serial.length === 0 || serial.length > maximumSerial || padded)
    throw new RangeError('serial number of a CRL entry');
}

/** RFC 5280, 5.1.2.6: dates as in 4.1.2.5. */
function writeTime(out: Uint8Array, position: number, ms: number): number {
  if (!fitsUtcTime(ms)) {
    out[position] = Tag.generalizedTime;
    out[position + 1] = 15;
    writeGeneralizedTime(out, position + 2, ms);
    return position + 17;
  }
  // The century, which UTCTime has not, is written where identifier and length go afterwards
  writeGeneralizedTime(out, position, ms);
  out[position] = Tag.utcTime;
  out[position + 1] = 13;
  return position + 15;
}

function writeExtensions(out: Uint8Array, start: number, entry: CrlWriterEntry): number {
  const reason = entry.reason ?? 0;
  if (reason === 0 && entry.invalidityDate === undefined) return start;
  let position = start + 2;
  if (reason !== 0) {
    if (!(reason > 0 && reason <= 10 && reason !== 7)) throw new RangeError(`no CRLReason: ${reason}`);
    position = writeOctets(out, position, reasonExtension);
    out[position++] = reason;
  }
  if (entry.invalidityDate !== undefined) {
    position = writeOctets(out, position, invalidityExtension);
    writeGeneralizedTime(out, position, entry.invalidityDate);
    position += 15;
  }
  out[start] = Tag.sequence;
  out[start + 1] = position - start - 2;
  return position;
}

/** Faster than Uint8Array.set for so few. */
function writeOctets(out: Uint8Array, start: number, octets: Uint8Array): number {
  for (let i = 0; i < octets.length; i++) out[start + i] = octets[i] ?? 0;
  return start + octets.length;
}
