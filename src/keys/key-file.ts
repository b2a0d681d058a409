import { Cursor, readElement, Tag } from '../der/reader.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { looksLikePem, type PemBlock, readPem } from '../x509/pem.ts';
import { keyMalformed } from './key-parts.ts';

export type PrivateKeyFormat = 'pkcs8' | 'encrypted-pkcs8' | 'sec1' | 'pkcs1';

/** One private key as a file holds it. */
export interface KeyBlock {
  /** `other` for a label of another world: `OPENSSH PRIVATE KEY`, `DSA PRIVATE KEY`. */
  readonly format: PrivateKeyFormat | 'other';
  /** The PEM label; empty for DER. */
  readonly label: string;
  /** Encrypted as PEM was before PKCS#8: RFC 1421, 4.6.1.1. The cipher's name, from DEK-Info. */
  readonly legacyCipher?: string;
  readonly der: Uint8Array;
}

/** A key of 16,384 bits takes 13 kB, and a file that holds a chain beside it some more. */
const maximumFileSize = 1024 * 1024;

const formatByLabel: Readonly<Record<string, PrivateKeyFormat>> = {
  'PRIVATE KEY': 'pkcs8', // RFC 7468, section 10
  'ENCRYPTED PRIVATE KEY': 'encrypted-pkcs8', // RFC 7468, section 11
  'EC PRIVATE KEY': 'sec1', // RFC 5915, section 4
  'RSA PRIVATE KEY': 'pkcs1', // what OpenSSL wrote before PKCS#8
};

/**
 * Finds the one private key of a file, PEM or DER. What else is in a PEM file (EC PARAMETERS, certificates) is left alone.
 * Throws `key-malformed` where there is none, or more than one; `too-large`.
 */
export function findKeyBlock(file: Uint8Array): KeyBlock {
  if (file.length > maximumFileSize)
    throw new MtlsctlError('too-large', `a private key's file is not larger than ${maximumFileSize} bytes`);
  if (!looksLikePem(file)) return derBlock(file);
  const blocks = readBlocks(file);
  const [block, ...others] = blocks.filter(({ label }) => label.endsWith('PRIVATE KEY'));
  if (block === undefined) throw noKey(blocks);
  if (others.length > 0) throw keyMalformed(`the file holds ${others.length + 1} private keys`);
  return pemBlock(block);
}

/** As `findKeyBlock`, for a block of a file that was split already. */
export function pemBlock({ label, der, headers }: PemBlock): KeyBlock {
  const format = formatByLabel[label] ?? 'other';
  if (headers.some(header => /^Proc-Type:.*ENCRYPTED/.test(header)))
    return { format, label, der, legacyCipher: legacyCipherOf(headers) };
  return { format, label, der };
}

/**
 * The format of a DER private key by its outer shape alone, or undefined for anything else.
 */
export function privateKeyFormat(der: Uint8Array): PrivateKeyFormat | undefined {
  const tags = outerTags(der);
  return shapes.find(
    ([, shape]) => shape.every((tag, i) => tag === tags[i]) && tags.length >= shape.length && tags.length <= 9,
  )?.[0];
}

const { sequence, integer, octetString } = Tag;

/** The most telling first. */
const shapes: readonly (readonly [PrivateKeyFormat, readonly number[]])[] = [
  ['pkcs8', [integer, sequence, octetString]],
  ['encrypted-pkcs8', [sequence, octetString]],
  ['pkcs1', Array<number>(9).fill(integer)],
  ['sec1', [integer, octetString]],
];

/** The tags in the outer SEQUENCE, ten at most; none where there is no such thing. */
function outerTags(der: Uint8Array): readonly number[] {
  try {
    const element = readElement(der);
    const tags: number[] = [];
    if (element.tag !== Tag.sequence) return tags;
    for (const cursor = new Cursor(element); !cursor.atEnd && tags.length < 10;) tags.push(cursor.next('element').tag);
    return tags;
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return [];
  }
}

function derBlock(der: Uint8Array): KeyBlock {
  const format = privateKeyFormat(der);
  if (format === undefined) throw keyMalformed('neither PEM nor DER of a private key');
  return { format, label: '', der };
}

/** The lines of a key's file are no text for an error: the PEM reader's own message and cause stay behind. */
function readBlocks(file: Uint8Array): readonly PemBlock[] {
  try {
    return readPem(file);
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    throw keyMalformed('its PEM is broken');
  }
}

function noKey(blocks: readonly PemBlock[]): MtlsctlError {
  const labels = [...new Set(blocks.slice(0, 3).map(({ label }) => label.slice(0, 40)))].join(', ');
  return keyMalformed(
    labels === '' ? 'the file holds no complete PEM block' : `the file holds no private key, but ${labels}`,
  );
}

function legacyCipherOf(headers: readonly string[]): string {
  const match = headers
    .map(header => /^DEK-Info: *([A-Z0-9-]{1,32})/.exec(header)?.[1])
    .find(name => name !== undefined);
  return match ?? 'unknown';
}
