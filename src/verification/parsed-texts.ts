import { createHash } from 'node:crypto';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { type Crl, readCrls } from '../x509/crl.ts';
import { looksLikePem } from '../x509/pem.ts';
import { BoundedCache } from './bounded-cache.ts';

/** Characters of PEM: a pool of 10,000 certificates with RSA keys of 4096 bits has some 20 million. */
const poolCapacity = 20 * 1024 * 1024;
/** Some thousand leaves, of which the same may be asked about again, for another name or time. */
const leafCapacity = 1024 * 1024;
/** A CRL of a million entries has some 55 million. */
const crlCapacity = 56 * 1024 * 1024;

/** What the text of a certificate holds; the failure where it holds none. */
type Parsed = { readonly number: number } & (
  { readonly certificates: readonly Certificate[] } | { readonly failure: MtlsctlError }
);

/**
 * Reads PEM texts, of which the same come again and again: the lines of a batch share their trust anchors and intermediates. Equal texts give the
 * same objects and equal lists the same array, by which path/ knows its indexes and signatures again.
 */
export class ParsedTexts {
  readonly #pool = new BoundedCache<Parsed>(poolCapacity);
  readonly #leaves = new BoundedCache<Parsed>(leafCapacity);
  readonly #lists = new BoundedCache<readonly Certificate[]>(poolCapacity);
  readonly #crls = new BoundedCache<readonly Crl[]>(crlCapacity);
  readonly #crlLists = new BoundedCache<readonly Crl[]>(crlCapacity);
  #count = 0;

  /** The first certificate of a text and those that follow it. Throws `malformed`. */
  leaf(pem: string): { readonly leaf: Certificate; readonly others: readonly Certificate[] } {
    const parsed = this.#parse(this.#leaves, pem);
    if ('failure' in parsed) throw parsed.failure;
    const [leaf, ...others] = parsed.certificates;
    if (leaf === undefined) throw new MtlsctlError('malformed', 'no certificate in the text');
    return { leaf, others };
  }

  /**
   * All certificates of all texts. A text that does not parse is left out, which can only make a chain fail; where none does, throws the
   * `malformed` of the first.
   */
  certificates(pems: readonly string[]): readonly Certificate[] {
    const parsed = pems.map(pem => this.#parse(this.#pool, pem));
    const key = parsed.map(({ number }) => number).join();
    const known = this.#lists.get(key);
    if (known !== undefined) return known;
    const list = parsed.flatMap(each => ('certificates' in each ? each.certificates : []));
    const [first] = parsed;
    if (list.length === 0 && first !== undefined && 'failure' in first) throw first.failure;
    this.#lists.add(key, list, lengthOf(pems));
    return list;
  }

  /** All CRLs of all texts. Throws `malformed` for any that does not parse: it might be the one that revokes. */
  crls(pems: readonly string[]): readonly Crl[] {
    const digests = pems.map(digestOf);
    const key = digests.join();
    let list = this.#crlLists.get(key);
    if (list === undefined) {
      list = pems.flatMap((pem, index) => this.#readCrls(pem, digests[index] ?? ''));
      this.#crlLists.add(key, list, lengthOf(pems));
    }
    return list;
  }

  #readCrls(pem: string, digest: string): readonly Crl[] {
    let crls = this.#crls.get(digest);
    if (crls === undefined) this.#crls.add(digest, (crls = readCrls(pemBytes(pem))), pem.length);
    return crls;
  }

  #parse(cache: BoundedCache<Parsed>, pem: string): Parsed {
    let parsed = cache.get(pem);
    if (parsed === undefined) {
      this.#count += 1;
      cache.add(pem, (parsed = parseText(pem, this.#count)), pem.length);
    }
    return parsed;
  }
}

function parseText(pem: string, number: number): Parsed {
  try {
    return { number, certificates: readCertificates(pemBytes(pem)) };
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return { number, failure: error };
  }
}

function pemBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text);
  if (looksLikePem(bytes)) return bytes;
  throw new MtlsctlError('malformed', 'no PEM block in the text');
}

/** Stands for a text that is too large to be kept as a key. */
function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('base64');
}

function lengthOf(texts: readonly string[]): number {
  return texts.reduce((sum, text) => sum + text.length, 0);
}
