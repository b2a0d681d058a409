import { oids } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import { Cursor, Tag, checkTree, contextConstructed, elementBytes, malformed, readElement } from '../der/reader.ts';
import { readOid, readSmallInteger, readWholeBitString } from '../der/values.ts';
import { compareOctets } from '../der/writer.ts';
import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import { readAlgorithmIdentifier } from './algorithm-identifier.ts';
import type { Extension, HasExtensions } from './extension.ts';
import { readExtensions } from './extension.ts';
import type { Name } from './name.ts';
import { readName } from './name.ts';
import type { SubjectPublicKeyInfo } from './public-key.ts';
import { readSubjectPublicKeyInfo } from './public-key.ts';

export interface RequestAttribute {
  readonly type: string;
  /** Elements. */
  readonly values: readonly Uint8Array[];
}

/** A certification request: PKCS#10, RFC 2986. */
export interface Request extends HasExtensions {
  readonly der: Uint8Array;
  /** certificationRequestInfo: the octets that are signed. */
  readonly tbs: Uint8Array;
  readonly subject: Name;
  readonly subjectPublicKeyInfo: SubjectPublicKeyInfo;
  readonly attributes: readonly RequestAttribute[];
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly signature: Uint8Array;
}

const maximumRequest = 1024 * 1024;

/** Reads one request from DER. Its signature is not checked. Throws `malformed`. */
export function parseRequest(der: Uint8Array): Request {
  if (der.length > maximumRequest) malformed(maximumRequest, 'request: larger than 1 MiB');
  const e = readElement(der, 'request');
  if (e.tag !== Tag.sequence) malformed(0, 'request: not a SEQUENCE');
  const cursor = new Cursor(e);
  const info = cursor.expect(Tag.sequence, 'certificationRequestInfo');
  const signatureAlgorithm = readAlgorithmIdentifier(cursor.next('signatureAlgorithm'), 'signatureAlgorithm');
  const signature = readWholeBitString(cursor.expect(Tag.bitString, 'signature'), 'signature');
  cursor.finish('request');
  return { der: e.source, tbs: elementBytes(info), ...readInfo(info), signatureAlgorithm, signature };
}

/** RFC 2986, 4.1. The attributes are there even if empty. */
function readInfo(e: Element): Pick<Request, 'subject' | 'subjectPublicKeyInfo' | 'attributes' | 'extensions'> {
  const cursor = new Cursor(e);
  const version = cursor.expect(Tag.integer, 'version');
  readSmallInteger(version, 0);
  const subject = readName(cursor.next('subject'), 'subject');
  const subjectPublicKeyInfo = readSubjectPublicKeyInfo(cursor.next('subjectPublicKeyInfo'));
  const attributes = readAttributes(cursor.expect(contextConstructed(0), 'attributes'));
  cursor.finish('certificationRequestInfo');
  return {
    subject,
    subjectPublicKeyInfo,
    attributes: attributes.map(({ type, values }) => ({ type, values: values.map(elementBytes) })),
    extensions: requestedExtensions(attributes),
  };
}

interface AttributeElement {
  readonly type: string;
  readonly values: readonly Element[];
}

/** SET OF Attribute: in order, no type twice. */
function readAttributes(e: Element): readonly AttributeElement[] {
  const attributes = readSetOf(e, 'attributes').map(readAttribute);
  const seen = new Set<string>();
  for (const { type } of attributes) {
    if (seen.has(type)) malformed(e.start, `attributes: ${type} twice`);
    seen.add(type);
  }
  return attributes;
}

function readSetOf(e: Element, what: string): readonly Element[] {
  const elements: Element[] = [];
  for (const cursor = new Cursor(e); !cursor.atEnd;) {
    const element = cursor.next(what);
    const previous = elements.at(-1);
    if (previous !== undefined && compareOctets(elementBytes(previous), elementBytes(element)) > 0) {
      malformed(element.start, `${what}: SET OF is not in order`);
    }
    elements.push(element);
  }
  return elements;
}

function readAttribute(e: Element): AttributeElement {
  if (e.tag !== Tag.sequence) malformed(e.start, 'attribute: not a SEQUENCE');
  const cursor = new Cursor(e);
  const type = readOid(cursor.expect(Tag.oid, 'attribute type'));
  const set = cursor.expect(Tag.set, 'attribute values');
  cursor.finish('attribute');
  const values = readSetOf(set, 'attribute values');
  if (values.length === 0) malformed(set.start, 'attribute values: empty');
  for (const value of values) checkTree(value, 'attribute value');
  return { type, values };
}

/** RFC 2985, 5.4.2: extensionRequest has one value. */
function requestedExtensions(attributes: readonly AttributeElement[]): readonly Extension[] {
  const request = attributes.find(attribute => attribute.type === oids.extensionRequest);
  const [value, second] = request?.values ?? [];
  if (second !== undefined) malformed(second.start, 'extensionRequest: more than one value');
  return value === undefined ? [] : readExtensions(value, 'extensionRequest');
}
