import { createDecipheriv, createHmac } from 'node:crypto';

/** What a TLS server sent in the clear, or under the keys of the handshake, before the session began. */
export interface ServerFlight {
  /** As node:tls names it; undefined where no ServerHello came. */
  readonly protocol: string | undefined;
  /** DER, in the order sent. */
  readonly certificates: readonly Uint8Array[];
  readonly certificateRequested: boolean;
  /** The alert that the server sent in the clear. */
  readonly alert: number | undefined;
}

interface Suite {
  readonly cipher: 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';
  readonly keyLength: number;
  readonly hash: 'sha256' | 'sha384';
}

/** RFC 8446, B.4, less the CCM suites, which Node does not offer. */
const suites: ReadonlyMap<number, Suite> = new Map([
  [0x1301, { cipher: 'aes-128-gcm', keyLength: 16, hash: 'sha256' }],
  [0x1302, { cipher: 'aes-256-gcm', keyLength: 32, hash: 'sha384' }],
  [0x1303, { cipher: 'chacha20-poly1305', keyLength: 32, hash: 'sha256' }],
]);

const protocols: ReadonlyMap<number, string> = new Map([
  [0x0301, 'TLSv1'],
  [0x0302, 'TLSv1.1'],
  [0x0303, 'TLSv1.2'],
  [0x0304, 'TLSv1.3'],
]);

/** RFC 8446, 4 and 5.1. */
const RecordType = { changeCipherSpec: 20, alert: 21, handshake: 22, applicationData: 23 } as const;
const MessageType = { serverHello: 2, certificate: 11, certificateRequest: 13, finished: 20 } as const;
const supportedVersions = 43;
const tls13 = 0x0304;

/**
 * Reads the certificates out of the octets that a server sent, as they came: node:tls gives only those that it could link, in its own order.
 * `secret` is the SERVER_HANDSHAKE_TRAFFIC_SECRET, under which TLS 1.3 encrypts them. What is cut off or can't be decrypted ends the reading. Pure.
 */
export function readServerFlight(bytes: Uint8Array, secret: Uint8Array | undefined): ServerFlight {
  const flight = new FlightReader(secret);
  for (const record of recordsOf(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))) {
    if (!flight.take(record)) break;
  }
  return flight;
}

interface TlsRecord {
  readonly type: number;
  readonly header: Buffer;
  readonly payload: Buffer;
}

function* recordsOf(bytes: Buffer): Generator<TlsRecord> {
  for (let at = 0; at + 5 <= bytes.length;) {
    const end = at + 5 + bytes.readUInt16BE(at + 3);
    if (end > bytes.length) return;
    yield { type: bytes.readUInt8(at), header: bytes.subarray(at, at + 5), payload: bytes.subarray(at + 5, end) };
    at = end;
  }
}

/** Octets of type and length (RFC 8446, 4). */
const messageHeader = 4;

/** Goes through a flight record by record: messages span records, and one record holds several. */
class FlightReader implements ServerFlight {
  certificates: readonly Uint8Array[] = [];
  certificateRequested = false;
  alert: number | undefined;
  readonly #secret: Uint8Array | undefined;
  #version = 0;
  #suite: Suite | undefined;
  #open: ((record: TlsRecord) => Buffer | undefined) | undefined;
  /** What has come of a message, put together when all of it is here: a server may send it octet by octet. */
  #parts: Buffer[] = [];
  #length = 0;
  #needed = messageHeader;

  constructor(secret: Uint8Array | undefined) {
    this.#secret = secret;
  }

  get protocol(): string | undefined {
    return protocols.get(this.#version);
  }

  /** Returns false where there is nothing more to be had. */
  take(record: TlsRecord): boolean {
    switch (record.type) {
      case RecordType.handshake:
        return this.#takeHandshake(record.payload);
      case RecordType.applicationData:
        return this.#takeEncrypted(record);
      case RecordType.changeCipherSpec:
        // Encrypted from here on in TLS 1.2; in TLS 1.3 it means nothing (RFC 8446, 5).
        return this.#version === tls13;
      case RecordType.alert:
        this.alert = record.payload[1];
        return false;
      default:
        return false;
    }
  }

  #takeEncrypted(record: TlsRecord): boolean {
    if (this.#suite === undefined || this.#secret === undefined) return false;
    this.#open ??= opener(this.#suite, this.#secret);
    const plain = this.#open(record);
    if (plain === undefined) return false;
    // RFC 8446, 5.2: the content, its type, then padding of zeros.
    let last = plain.length - 1;
    while (last > 0 && plain[last] === 0) last -= 1;
    return plain[last] === RecordType.handshake ? this.#takeHandshake(plain.subarray(0, last)) : false;
  }

  #takeHandshake(payload: Buffer): boolean {
    this.#parts.push(payload);
    this.#length += payload.length;
    if (this.#length < this.#needed) return true;
    let pending = Buffer.concat(this.#parts);
    for (this.#needed = messageHeader; pending.length >= this.#needed; this.#needed = messageHeader) {
      this.#needed = messageHeader + pending.readUIntBE(1, 3);
      if (pending.length < this.#needed) break;
      const type = pending.readUInt8(0);
      if (type === MessageType.finished) return false;
      this.#takeMessage(type, pending.subarray(messageHeader, this.#needed));
      pending = pending.subarray(this.#needed);
    }
    this.#parts = [pending];
    this.#length = pending.length;
    return true;
  }

  #takeMessage(type: number, body: Buffer): void {
    if (type === MessageType.serverHello) {
      const { version, suite } = readServerHello(body);
      this.#version = version;
      this.#suite = version === tls13 ? suites.get(suite) : undefined;
    } else if (type === MessageType.certificate) {
      this.certificates = readCertificateMessage(body, this.#version === tls13);
    } else if (type === MessageType.certificateRequest) {
      this.certificateRequested = true;
    }
  }
}

/** RFC 8446, 4.1.3. A HelloRetryRequest has the same form, and the ServerHello after it overrides it. */
function readServerHello(body: Buffer): { version: number; suite: number } {
  const reader = new VectorReader(body);
  let version = reader.number(2);
  reader.take(32);
  reader.vector(1);
  const suite = reader.number(2);
  reader.take(1);
  const extensions = new VectorReader(reader.vector(2));
  while (!extensions.atEnd) {
    const type = extensions.number(2);
    const value = new VectorReader(extensions.vector(2));
    if (type === supportedVersions) version = value.number(2);
  }
  return { version, suite };
}

/** RFC 8446, 4.4.2; RFC 5246, 7.4.2, which has neither context nor extensions. */
function readCertificateMessage(body: Buffer, isTls13: boolean): readonly Uint8Array[] {
  const reader = new VectorReader(body);
  if (isTls13) reader.vector(1);
  const list = new VectorReader(reader.vector(3));
  const certificates: Uint8Array[] = [];
  while (!list.atEnd) {
    certificates.push(Uint8Array.from(list.vector(3)));
    if (isTls13) list.vector(2);
  }
  return certificates;
}

/** Reads numbers and length-prefixed vectors (RFC 8446, 3.4); what reaches past the end is cut there. */
class VectorReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  take(count: number): Buffer {
    const taken = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return taken;
  }

  number(octets: number): number {
    return this.take(octets).reduce((value, octet) => value * 256 + octet, 0);
  }

  vector(lengthOctets: number): Buffer {
    return this.take(this.number(lengthOctets));
  }
}

const tagLength = 16;

/** Decrypts records one after the other. RFC 8446, 5.2, 5.3 and 7.3. */
function opener(suite: Suite, secret: Uint8Array): (record: TlsRecord) => Buffer | undefined {
  const key = expandLabel(suite.hash, secret, 'key', suite.keyLength);
  const iv = expandLabel(suite.hash, secret, 'iv', 12);
  let sequence = 0;
  return ({ header, payload }) => {
    const nonce = Buffer.from(iv);
    nonce.writeUInt32BE((nonce.readUInt32BE(8) ^ sequence) >>> 0, 8);
    sequence += 1;
    if (payload.length <= tagLength) return undefined;
    const decipher = createDecipheriv(suite.cipher as 'aes-128-gcm', key, nonce, { authTagLength: tagLength });
    decipher.setAAD(header);
    decipher.setAuthTag(payload.subarray(-tagLength));
    const plain = decipher.update(payload.subarray(0, -tagLength));
    try {
      decipher.final();
    } catch {
      return undefined; // not under this key: node:crypto has no other failure here
    }
    return plain;
  };
}

/** HKDF-Expand-Label with an empty context, for at most one block of the hash. RFC 8446, 7.1; RFC 5869, 2.3. */
function expandLabel(hash: Suite['hash'], secret: Uint8Array, label: string, length: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, length, name.length]), name, Buffer.from([0, 1])]);
  return createHmac(hash, secret).update(info).digest().subarray(0, length);
}
