import { createHash } from 'node:crypto';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { type Crl, readCrls } from '../x509/crl.ts';
import { looksLikePem } from '../x509/pem.ts';
import { BoundedCache } from './bounded-cache.ts';
import type { LongText } from './long-line.ts';
import { SharedCertificates } from './shared-certificates.ts';

/** A member of a line; a long line's is not copied out of it. */
export type Text = string | LongText;

/** Characters of PEM: some thousand certificates, each of which takes five times as many octets once it is parsed. */
const poolCapacity = 1024 * 1024;
/** Leaves of which the same may be asked about again, for another name or time. */
const leafCapacity = 512 * 1024;
const crlCapacity = 2 * 1024 * 1024;
const listsRemembered = 16;

/** Certificates in one line, all texts together: what they take once they are parsed is bounded by nothing else. */
const maximumCertificates = 15_000;

/** What the text of a certificate holds; the failure where it holds none. */
type Parsed = { readonly number: number } & (
  { readonly certificates: readonly Certificate[] } | { readonly failure: MtlsctlError }
);

/**
 * Reads PEM texts, of which the same come again and again: the lines of a batch share their trust anchors and intermediates. Equal texts give the
 * same objects and equal lists the same array, by which path/ knows its indexes and signatures again. Of long lines only what the last one brought is
 * remembered, and let go before the next one brings something else.
 */
export class ParsedTexts {
  readonly #pool = new Remembered<Parsed>(poolCapacity);
  readonly #crls = new Remembered<readonly Crl[]>(crlCapacity);
  readonly #leaves = new BoundedCache<readonly Certificate[]>(leafCapacity);
  readonly #shared = new SharedCertificates();
  readonly #lists = new Map<string, readonly Certificate[]>();
  readonly #crlLists = new Map<string, readonly Crl[]>();
  readonly #collectGarbage: () => void;
  #count = 0;
  #left = maximumCertificates;

  constructor(collectGarbage: () => void) {
    this.#collectGarbage = collectGarbage;
  }

  /** Comes before the others for each line, with all that it brings. */
  begin({ leaf, pool, crls }: { leaf: Text; pool: readonly Text[]; crls: readonly Text[] }): void {
    this.#left = maximumCertificates;
    const isLong = [leaf, ...pool, ...crls].some(text => typeof text !== 'string');
    const hasForgotten = isLong && [this.#pool.forgetAllBut(pool), this.#crls.forgetAllBut(crls)].includes(true);
    for (const lists of [this.#lists, this.#crlLists]) if (hasForgotten || lists.size >= listsRemembered) lists.clear();
    if (hasForgotten) this.#collectGarbage();
  }

  /** The first certificate of a text and those that follow it. Throws `malformed`, `too-large`. */
  leaf(pem: Text): { readonly leaf: Certificate; readonly others: readonly Certificate[] } {
    const [leaf, ...others] = this.#leaf(pem);
    if (leaf === undefined) throw new MtlsctlError('malformed', 'no certificate in the text');
    return { leaf, others };
  }

  #leaf(pem: Text): readonly Certificate[] {
    if (typeof pem !== 'string') return this.#read(pem);
    let certificates = this.#leaves.get(pem);
    if (certificates === undefined) this.#leaves.add(pem, (certificates = this.#read(pem)), pem.length);
    return certificates;
  }

  /** Those that follow a leaf are its issuers, and the same for many leaves. */
  #read(pem: Text): readonly Certificate[] {
    const certificates = readCertificates(pemBytes(pem));
    this.#spend(certificates.length);
    return certificates.map((certificate, i) => (i === 0 ? certificate : this.#shared.share(certificate)));
  }

  #spend(certificates: number): void {
    this.#left -= certificates;
    if (this.#left < 0)
      throw new MtlsctlError('too-large', `there are more than ${maximumCertificates} certificates in the line`);
  }

  /**
   * All certificates of all texts. A text that does not parse is left out, which can only make a chain fail; where none does, throws the
   * `malformed` of the first. Throws `too-large`.
   */
  certificates(pems: readonly Text[]): readonly Certificate[] {
    const parsed = pems.map(pem => this.#parse(pem));
    const key = parsed.map(({ number }) => number).join();
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list = parsed.flatMap(each => ('certificates' in each ? each.certificates : []));
    const [first] = parsed;
    if (list.length === 0 && first !== undefined && 'failure' in first) throw first.failure;
    this.#lists.set(key, list);
    return list;
  }

  #parse(pem: Text): Parsed {
    let parsed = this.#pool.get(pem);
    if (parsed === undefined) {
      this.#count += 1;
      this.#pool.add(pem, (parsed = parseText(pem, this.#count)));
    }
    if ('certificates' in parsed) this.#spend(parsed.certificates.length);
    return parsed;
  }

  /** All CRLs of all texts. Throws `malformed` for any that does not parse: it might be the one that revokes. */
  crls(pems: readonly Text[]): readonly Crl[] {
    const key = pems.map(digestOf).join();
    let list = this.#crlLists.get(key);
    if (list === undefined) this.#crlLists.set(key, (list = pems.flatMap(pem => this.#readCrls(pem))));
    return list;
  }

  #readCrls(pem: Text): readonly Crl[] {
    let crls = this.#crls.get(pem);
    if (crls === undefined) this.#crls.add(pem, (crls = readCrls(pemBytes(pem))));
    return crls;
  }
}

/** What texts hold: as many short ones as fit, and the long ones of one line. */
class Remembered<Value> {
  readonly #short: BoundedCache<Value>;
  #long = new Map<string, Value>();

  constructor(capacity: number) {
    this.#short = new BoundedCache(capacity);
  }

  get(text: Text): Value | undefined {
    return typeof text === 'string' ? this.#short.get(text) : this.#long.get(text.digest);
  }

  add(text: Text, value: Value): void {
    if (typeof text === 'string') this.#short.add(text, value, text.length);
    else this.#long.set(text.digest, value);
  }

  /** Forgets the long texts that are not among these, and tells whether there were any. */
  forgetAllBut(texts: readonly Text[]): boolean {
    const before = this.#long;
    this.#long = new Map();
    for (const text of texts) {
      const value = typeof text === 'string' ? undefined : before.get(text.digest);
      if (value !== undefined) this.add(text, value);
    }
    return this.#long.size < before.size;
  }
}

function parseText(pem: Text, number: number): Parsed {
  try {
    return { number, certificates: readCertificates(pemBytes(pem)) };
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return { number, failure: error };
  }
}

function pemBytes(text: Text): Uint8Array {
  const bytes = typeof text === 'string' ? Buffer.from(text) : text.bytes();
  if (looksLikePem(bytes)) return bytes;
  throw new MtlsctlError('malformed', 'no PEM block in the text');
}

/** Stands for a text that is too large to be kept as a key. */
function digestOf(text: Text): string {
  return typeof text === 'string' ? createHash('sha256').update(text).digest('base64') : text.digest;
}
