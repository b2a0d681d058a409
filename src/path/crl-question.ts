import type { Certificate } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import type { DistributionPoint } from '../x509/extensions.ts';
import { formatName } from '../x509/name.ts';
import { label } from './reasons.ts';

/** One question: does this CRL, taken as found at this distribution point, answer for this certificate? */
export interface Question {
  readonly chain: readonly Certificate[];
  /** Of the certificate in the chain. */
  readonly place: number;
  readonly certificate: Certificate;
  readonly point: DistributionPoint;
  readonly crl: Crl;
  /** All that there are; deltas among them. */
  readonly crls: readonly Crl[];
}

/** Whose status was asked for, and who issued the CRL. */
export function crlFacts({ certificate, crl }: Question): { readonly subject: string; readonly issuer: string } {
  return { subject: label(certificate), issuer: formatName(crl.issuer) };
}
