import { MtlsctlError } from '../errors.ts';
import type { Element } from '../der/reader.ts';
import {
  Cursor,
  Tag,
  contextConstructed,
  elementAt,
  elementBytes,
  malformed,
  readContained,
  readElement,
} from '../der/reader.ts';
import { readSmallInteger, readTime, readWholeBitString } from '../der/values.ts';
import type { AlgorithmIdentifier } from './algorithm-identifier.ts';
import { readAlgorithmIdentifier } from './algorithm-identifier.ts';
import type { CrlEntry } from './crl-entries.ts';
import { checkEntries, EntryWalker, readEntry } from './crl-entries.ts';
import { serialLookup } from './crl-lookup.ts';
import type { Extension, HasExtensions } from './extension.ts';
import { readExtensions } from './extension.ts';
import { certificateIssuer, issuingDistributionPoint } from './extensions.ts';
import type { Name } from './name.ts';
import { namesMatch, readName } from './name.ts';
import { sameOctets } from '../der/octets.ts';
import { asDer, looksLikePem, readPem } from './pem.ts';

export type { CrlEntry } from './crl-entries.ts';

/** RFC 5280, 5.1. */
export interface Crl extends HasExtensions {
  readonly der: Uint8Array;
  /** The octets that are signed. */
  readonly tbs: Uint8Array;
  readonly version: 1 | 2;
  /** The one outside the signed part; whether it is the same as `tbsSignatureAlgorithm` (RFC 5280, 5.1.1.2) is not checked here. */
  readonly signatureAlgorithm: AlgorithmIdentifier;
  readonly tbsSignatureAlgorithm: AlgorithmIdentifier;
  readonly issuer: Name;
  /** Milliseconds since the epoch. */
  readonly thisUpdate: number;
  /** Undefined where absent, which RFC 5280, 5.1.2.5 forbids; the entries count all the same. */
  readonly nextUpdate: number | undefined;
  readonly thisUpdateTag: number;
  readonly nextUpdateTag: number | undefined;
  readonly revokedCount: number;
  /** Types of the extensions that some entry, whichever it is, marks critical. */
  readonly criticalEntryExtensions: ReadonlySet<string>;
  /** Every entry in order, each read as the iteration comes to it. */
  entries(): Iterable<CrlEntry>;
  /** The first entry with this serial number (content octets of the INTEGER). Of an indirect CRL it may be another issuer's: see `findRevoked`. */
  find(serial: Uint8Array): CrlEntry | undefined;
  /** Every entry with this serial number, in order. */
  findAll(serial: Uint8Array): readonly CrlEntry[];
  /** Goes through the entries in order without reading each. */
  walk(): EntryWalker;
  readonly signature: Uint8Array;
}

/** Reads one CRL from DER and checks every entry. Its signature is not checked. Throws `malformed`. */
export function parseCrl(der: Uint8Array): Crl {
  const e = readElement(der, 'CRL');
  if (e.tag !== Tag.sequence) malformed(0, 'CRL: not a SEQUENCE');
  const cursor = new Cursor(e);
  const tbs = cursor.expect(Tag.sequence, 'tbsCertList');
  const signatureAlgorithm = readAlgorithmIdentifier(cursor.next('signatureAlgorithm'), 'signatureAlgorithm');
  const signature = readWholeBitString(cursor.expect(Tag.bitString, 'signatureValue'), 'signatureValue');
  cursor.finish('CRL');
  return { der: e.source, tbs: elementBytes(tbs), signatureAlgorithm, signature, ...readTbs(tbs) };
}

/** RFC 5280, 5.1.2. */
function readTbs(e: Element): Omit<Crl, 'der' | 'tbs' | 'signatureAlgorithm' | 'signature'> {
  const cursor = new Cursor(e);
  const version = readVersion(cursor.optional(Tag.integer, 'version'));
  const tbsSignatureAlgorithm = readAlgorithmIdentifier(cursor.next('signature'), 'signature');
  const issuer = readName(cursor.next('issuer'), 'issuer');
  const thisUpdate = cursor.next('thisUpdate');
  const nextUpdate = cursor.optional(Tag.utcTime, 'nextUpdate') ?? cursor.optional(Tag.generalizedTime, 'nextUpdate');
  const list = cursor.optional(Tag.sequence, 'revokedCertificates');
  const extensions = readCrlExtensions(cursor.optional(contextConstructed(0), 'crlExtensions'), version);
  cursor.finish('tbsCertList');
  return {
    version,
    tbsSignatureAlgorithm,
    issuer,
    thisUpdate: readTime(thisUpdate),
    thisUpdateTag: thisUpdate.tag,
    nextUpdate: nextUpdate && readTime(nextUpdate),
    nextUpdateTag: nextUpdate?.tag,
    extensions,
    ...(list === undefined ? noEntries : readEntries(list, version)),
  };
}

/** RFC 5280, 5.1.2.1: absent for version 1, and else 1, which stands for version 2. */
function readVersion(e: Element | undefined): 1 | 2 {
  if (e === undefined) return 1;
  if (readSmallInteger(e, 1) !== 1) malformed(e.start, 'version: v1 is encoded');
  return 2;
}

function readCrlExtensions(e: Element | undefined, version: 1 | 2): readonly Extension[] {
  if (e === undefined) return [];
  if (version === 1) malformed(e.start, 'extensions in a CRL of version 1');
  return readExtensions(readContained(e, 'crlExtensions'), 'crlExtensions');
}

type Entries = Pick<Crl, 'revokedCount' | 'criticalEntryExtensions' | 'entries' | 'find' | 'findAll' | 'walk'>;

const emptyList: Element = {
  source: new Uint8Array(),
  tag: Tag.sequence,
  start: 0,
  contentStart: 0,
  end: 0,
  depth: 0,
};

const noEntries: Entries = {
  revokedCount: 0,
  criticalEntryExtensions: new Set(),
  entries: () => [],
  find: () => undefined,
  findAll: () => [],
  walk: () => new EntryWalker(emptyList),
};

function readEntries(list: Element, version: 1 | 2): Entries {
  const { count, criticalExtensions } = checkEntries(list, version);
  const lookup = serialLookup(list, count);
  const entryAt = (start: number): CrlEntry => readEntry(entryElement(list, start));
  return {
    revokedCount: count,
    criticalEntryExtensions: criticalExtensions,
    entries: () => ({ [Symbol.iterator]: () => iterate(list) }),
    find: serial => lookup(serial).slice(0, 1).map(entryAt)[0],
    findAll: serial => lookup(serial).map(entryAt),
    walk: () => new EntryWalker(list),
  };
}

function entryElement(list: Element, start: number): Element {
  return elementAt(list.source, start, list.end, list.depth + 1, 'revokedCertificates');
}

function* iterate(list: Element): Generator<CrlEntry> {
  for (let position = list.contentStart; position < list.end;) {
    const e = entryElement(list, position);
    yield readEntry(e);
    position = e.end;
  }
}

/**
 * The entry for the certificate of `issuer` with this serial number; undefined where there is none. In an indirect CRL
 * each entry is of the issuer that the last certificateIssuer before it names, and of the CRL's own without any
 * (RFC 5280, 5.3.3). Of several entries the last counts. Throws `malformed`.
 */
export function findRevoked(crl: Crl, serial: Uint8Array, issuer: Name): CrlEntry | undefined {
  const indirect = issuingDistributionPoint(crl)?.indirectCRL === true;
  if (!indirect) return namesMatch(crl.issuer, issuer) ? crl.findAll(serial).at(-1) : undefined;
  if (crl.findAll(serial).length === 0) return undefined;
  let current: readonly Name[] = [crl.issuer];
  let found: CrlEntry | undefined;
  for (const entry of crl.entries()) {
    const named = certificateIssuer(entry);
    if (named !== undefined) current = named.flatMap(name => (name.kind === 'directory' ? [name.name] : []));
    if (sameOctets(entry.serialNumber, serial) && current.some(name => namesMatch(name, issuer))) found = entry;
  }
  return found;
}

const crlLabels: ReadonlySet<string> = new Set(['X509 CRL', 'CRL']);

/** Every CRL of a PEM file, in its order, or the one of a DER file. Throws `malformed`, also where there is none. */
export function readCrls(file: Uint8Array): Crl[] {
  if (!looksLikePem(file)) return [parseCrl(asDer(file))];
  const crls = readPem(file)
    .filter(block => crlLabels.has(block.label))
    .map(block => parseCrl(block.der));
  if (crls.length === 0) throw new MtlsctlError('malformed', 'no X509 CRL block in the PEM file');
  return crls;
}
