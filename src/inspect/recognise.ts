import { Cursor, type Element, readElement, Tag } from '../der/reader.ts';
import { readOid } from '../der/values.ts';
import { oids } from '../der/object-identifiers.ts';
import { isMtlsctlError } from '../errors.ts';
import { looksLikePem, type PemBlock, readPem } from '../x509/pem.ts';

export type Kind =
  | 'certificate'
  | 'certificate request'
  | 'CRL'
  | 'private key'
  | 'public key'
  | 'RSA public key'
  | 'PKCS #7 message'
  | 'PKCS #12 store'
  | 'unknown';

/** One thing that a file holds. */
export interface Part {
  /** What its octets look like; where they look like nothing, what its label says. */
  readonly kind: Kind;
  /** What its label says; `unknown` for a label that mtlsctl has never heard of, undefined for DER. */
  readonly labelled: Kind | undefined;
  readonly der: Uint8Array;
  /** Undefined for DER. */
  readonly block: PemBlock | undefined;
}

/** RFC 7468 and what OpenSSL writes besides. */
const kindByLabel: Readonly<Record<string, Kind>> = {
  CERTIFICATE: 'certificate',
  'X509 CERTIFICATE': 'certificate',
  'TRUSTED CERTIFICATE': 'certificate',
  'CERTIFICATE REQUEST': 'certificate request',
  'NEW CERTIFICATE REQUEST': 'certificate request',
  'X509 CRL': 'CRL',
  CRL: 'CRL',
  'PUBLIC KEY': 'public key',
  'RSA PUBLIC KEY': 'RSA public key',
  PKCS7: 'PKCS #7 message',
  CMS: 'PKCS #7 message',
};

/** Every part of a file, in its order: the blocks of PEM, whatever stands between them, or one in DER. Throws `malformed` for broken PEM. */
export function partsOf(file: Uint8Array): readonly Part[] {
  if (!looksLikePem(file)) return [{ kind: kindOfDer(file), labelled: undefined, der: file, block: undefined }];
  return readPem(file).map(block => {
    const labelled = kindOfLabel(block.label);
    return { kind: kindOfBlock(block, labelled), labelled, der: block.der, block };
  });
}

function kindOfLabel(label: string): Kind {
  return label.endsWith('PRIVATE KEY') ? 'private key' : (kindByLabel[label] ?? 'unknown');
}

/** A private key stays one whatever its octets look like, so that they are never taken for something to be shown. */
function kindOfBlock({ der }: PemBlock, labelled: Kind): Kind {
  if (labelled === 'private key' || labelled === 'unknown') return labelled;
  const found = kindOfDer(der);
  return found === 'unknown' ? labelled : found;
}

/** What DER is by its outer shape alone: its content may still turn out to be malformed. */
export function kindOfDer(der: Uint8Array): Kind {
  try {
    return kindOfShape(readElement(der));
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return 'unknown';
  }
}

function kindOfShape(element: Element): Kind {
  if (element.tag !== Tag.sequence) return 'unknown';
  const [first, second, third, ...others] = outerElements(element, 10);
  const shape = [first, second, third].map(each => each?.tag);
  if (first === undefined) return 'unknown';
  if (matches(shape, [Tag.sequence, Tag.sequence, Tag.bitString])) return kindOfSigned(first);
  if (matches(shape, [Tag.sequence, Tag.bitString, undefined])) return 'public key';
  // PKCS#8, encrypted PKCS#8, SEC1, PKCS#1
  if (matches(shape, [Tag.integer, Tag.sequence, Tag.octetString])) return 'private key';
  if (matches(shape, [Tag.sequence, Tag.octetString, undefined])) return 'private key';
  if (matches(shape.slice(0, 2), [Tag.integer, Tag.octetString])) return 'private key';
  if (matches(shape, [Tag.integer, Tag.integer, Tag.integer]) && others.length >= 6) return 'private key';
  if (matches(shape, [Tag.integer, Tag.integer, undefined])) return 'RSA public key';
  if (matches(shape.slice(0, 2), [Tag.oid, 0xa0]))
    return readOid(first) === oids.pkcs7SignedData ? 'PKCS #7 message' : 'unknown';
  if (matches(shape.slice(0, 2), [Tag.integer, Tag.sequence]) && second !== undefined) return kindOfStore(second);
  return 'unknown';
}

/** What is signed tells by the order of its elements which of the three it is. RFC 5280, 4.1 and 5.1; RFC 2986, 4.1. */
function kindOfSigned(signed: Element): Kind {
  const tags = outerElements(signed, 5).map(({ tag }) => tag);
  if (tags[0] === 0xa0) return 'certificate';
  const unversioned = tags[0] === Tag.integer ? tags.slice(1) : tags;
  const third = unversioned[2];
  if (matches(unversioned.slice(0, 2), [Tag.sequence, Tag.sequence])) {
    if (third === Tag.utcTime || third === Tag.generalizedTime) return 'CRL';
    if (tags[0] === Tag.integer && third === Tag.sequence) return 'certificate';
    if (tags[0] === Tag.integer && (third === 0xa0 || third === undefined)) return 'certificate request';
  }
  return 'unknown';
}

/** RFC 7292, 4: version 3, then what is in the store. */
function kindOfStore(content: Element): Kind {
  const [type] = outerElements(content, 1);
  const isStore = type?.tag === Tag.oid && [oids.pkcs7Data, oids.pkcs7SignedData].some(oid => oid === readOid(type));
  return isStore ? 'PKCS #12 store' : 'unknown';
}

function matches(tags: readonly (number | undefined)[], expected: readonly (number | undefined)[]): boolean {
  return expected.every((tag, i) => tags[i] === tag);
}

/** At most `limit` of the elements inside; fewer where one of them is broken. */
function outerElements(element: Element, limit: number): readonly Element[] {
  const elements: Element[] = [];
  for (const cursor = new Cursor(element); !cursor.atEnd && elements.length < limit;)
    elements.push(cursor.next('element'));
  return elements;
}

/** The certificate in a `TRUSTED CERTIFICATE` of OpenSSL's, which has its own notes on trust behind it. */
export function withoutTrustNotes(der: Uint8Array): Uint8Array {
  const length = ((der[2] ?? 0) << 8) + (der[3] ?? 0) + 4;
  return der[1] === 0x82 && length < der.length ? der.subarray(0, length) : der;
}
