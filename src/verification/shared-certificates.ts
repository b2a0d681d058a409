import type { Certificate } from '../x509/certificate.ts';
import { BoundedCache } from './bounded-cache.ts';

/** How many are remembered, of this many octets each on average: far more authorities than there are. */
const capacity = 500;
const usualSize = 4096;

/**
 * Makes equal certificates one object. Leaves come with their intermediates, and what path/ finds out about one of those (its signature, its key) it
 * remembers with the object.
 */
export class SharedCertificates {
  readonly #known = new BoundedCache<Certificate>(capacity * usualSize);

  share(certificate: Certificate): Certificate {
    const key = Buffer.from(certificate.der).toString('latin1');
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    this.#known.add(key, certificate, Math.max(key.length, usualSize));
    return certificate;
  }
}
