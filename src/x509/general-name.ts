import { oidName } from '../der/object-identifiers.ts';
import type { Element } from '../der/reader.ts';
import {
  Cursor,
  Tag,
  checkTree,
  contentBytes,
  elementBytes,
  malformed,
  readContained,
  tagName,
} from '../der/reader.ts';
import { readOid, readText } from '../der/values.ts';
import { escapeUnprintable } from './escape.ts';
import { formatIp } from './ip-address.ts';
import type { Name } from './name.ts';
import { formatName, readName } from './name.ts';

export { formatIp, parseCidr, parseIp } from './ip-address.ts';

/** RFC 5280, 4.2.1.6. What `value` and `bytes` hold is of the right ASCII or length, no more: whether a DNS name is one is not checked. */
export type GeneralName =
  | { readonly kind: 'dns' | 'email' | 'uri'; readonly value: string }
  | { readonly kind: 'ip'; readonly value: string; readonly bytes: Uint8Array }
  | { readonly kind: 'directory'; readonly name: Name }
  | { readonly kind: 'registeredId'; readonly oid: string }
  /** `der` is the whole value inside its EXPLICIT tag. */
  | { readonly kind: 'other'; readonly typeId: string; readonly der: Uint8Array }
  /** `der` is the whole GeneralName. */
  | { readonly kind: 'x400' | 'ediParty'; readonly der: Uint8Array };

/** An iPAddress has an address in a name, and an address and a mask in a constraint. */
export type IpForm = 'address' | 'subnet';

/** Reads one GeneralName. Throws `malformed`. */
export function readGeneralName(e: Element, ipForm: IpForm = 'address'): GeneralName {
  switch (e.tag) {
    case 0x81:
      return { kind: 'email', value: readText(e, Tag.ia5String) };
    case 0x82:
      return { kind: 'dns', value: readText(e, Tag.ia5String) };
    case 0x86:
      return { kind: 'uri', value: readText(e, Tag.ia5String) };
    case 0x87:
      return readIpName(e, ipForm);
    case 0x88:
      return { kind: 'registeredId', oid: readOid(e) };
    case 0xa0:
      return readOtherName(e);
    case 0xa4:
      return { kind: 'directory', name: readName(readContained(e, 'directoryName')) };
    case 0xa3:
    case 0xa5:
      checkTree(e, 'GeneralName');
      return { kind: e.tag === 0xa3 ? 'x400' : 'ediParty', der: elementBytes(e) };
    default:
      return malformed(e.start, `GeneralName: ${tagName(e.tag)} is none`);
  }
}

function readIpName(e: Element, ipForm: IpForm): GeneralName {
  const bytes = contentBytes(e);
  const lengths = ipForm === 'address' ? [4, 16] : [8, 32];
  if (!lengths.includes(bytes.length)) malformed(e.start, `iPAddress of ${bytes.length} octets`);
  return { kind: 'ip', value: formatIp(bytes), bytes };
}

function readOtherName(e: Element): GeneralName {
  const cursor = new Cursor(e);
  const typeId = readOid(cursor.expect(Tag.oid, 'otherName.type-id'));
  const value = readContained(cursor.expect(0xa0, 'otherName.value'), 'otherName.value');
  checkTree(value, 'otherName.value');
  cursor.finish('otherName');
  return { kind: 'other', typeId, der: elementBytes(value) };
}

/** Reads GeneralNames: the SEQUENCE itself, or one under IMPLICIT tagging. At least one name is there. Throws `malformed`. */
export function readGeneralNames(e: Element, what = 'GeneralNames'): readonly GeneralName[] {
  const names: GeneralName[] = [];
  for (const cursor = new Cursor(e); !cursor.atEnd;) names.push(readGeneralName(cursor.next(what)));
  if (names.length === 0) malformed(e.start, `${what}: empty`);
  return names;
}

/**
 * One name for people: `DNS:a.example`, `IP:192.0.2.1`, `URI:spiffe://…`, `email:…`, `DirName:CN=…`, `RID:…`, `other:…`.
 * Backslashes, commas and all that could control a terminal come out escaped, so that a name can't pass for two.
 */
export function formatGeneralName(name: GeneralName): string {
  switch (name.kind) {
    case 'dns':
      return `DNS:${escapeText(name.value)}`;
    case 'email':
      return `email:${escapeText(name.value)}`;
    case 'uri':
      return `URI:${escapeText(name.value)}`;
    case 'ip':
      return `IP:${name.value}`;
    case 'directory':
      return `DirName:${formatName(name.name)}`;
    case 'registeredId':
      return `RID:${name.oid}`;
    case 'other':
      return `other:${oidName(name.typeId) ?? name.typeId}:#${Buffer.from(name.der).toString('hex')}`;
    case 'x400':
    case 'ediParty':
      return `${name.kind}:#${Buffer.from(name.der).toString('hex')}`;
  }
}

function escapeText(text: string): string {
  return escapeUnprintable(escapeSeparators(text));
}

/** Text of a certificate between others, told apart from them by commas. What could control a terminal is still in it. */
export function escapeSeparators(text: string): string {
  return text.replace(/[\\,]/g, '\\$&');
}
