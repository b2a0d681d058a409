import type { Certificate } from '../x509/certificate.ts';
import { BoundedCache } from './bounded-cache.ts';

/** Octets of DER: some ten thousand intermediates. */
const capacity = 8 * 1024 * 1024;

/**
 * Makes equal certificates one object. Leaves come with their intermediates, and what path/ finds out about one of those (its signature, its key) it
 * remembers with the object.
 */
export class SharedCertificates {
  readonly #known = new BoundedCache<Certificate>(capacity);

  share(certificate: Certificate): Certificate {
    const key = Buffer.from(certificate.der).toString('latin1');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.add(key, certificate, key.length);
    return certificate;
  }
}
