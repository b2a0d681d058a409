import { MtlsctlError } from '../errors.ts';
import type { Signer } from '../keys/signer.ts';
import { type Certificate, serialHex } from '../x509/certificate.ts';
import { type Crl, parseCrl } from '../x509/crl.ts';
import {
  deltaCrlIndicatorExtension,
  freshestCrlExtension,
  issuingDistributionPointExtension,
} from '../x509/crl-extension-writer.ts';
import { serialsMissing } from '../x509/crl-lookup.ts';
import { assembleSigned, encodeTbsCrl } from '../x509/crl-writer.ts';
import { crlNumber, subjectKeyIdentifier } from '../x509/extensions.ts';
import { verifySignature } from '../x509/signature.ts';
import { sameOctets } from '../der/octets.ts';
import type { CrlPoints } from './crl-settings.ts';
import type { ListedRevocations } from './revocation-table.ts';
import type { Revocations } from './revocations.ts';

export interface CrlContent {
  readonly certificate: Certificate;
  readonly signer: Signer;
  readonly points: CrlPoints;
  readonly number: number;
  /** Milliseconds. */
  readonly thisUpdate: number;
  readonly nextUpdate: number;
  readonly revoked: ListedRevocations;
  /** Of a delta: the number of the complete CRL that it goes with. */
  readonly base?: number;
}

/** Signs a CRL and reads it back: what our own reader would not take is never published. */
export async function signCrl(content: CrlContent): Promise<Crl> {
  const authorityKeyIdentifier = subjectKeyIdentifier(content.certificate);
  if (authorityKeyIdentifier === undefined) {
    throw new MtlsctlError('malformed', "the authority's certificate has no subjectKeyIdentifier (RFC 5280, 4.2.1.2)");
  }
  const { signer, number, thisUpdate, nextUpdate } = content;
  const tbs = encodeTbsCrl({
    ...{ thisUpdate, nextUpdate, authorityKeyIdentifier },
    signatureAlgorithm: signer.signatureAlgorithm,
    issuer: content.certificate.subject.der,
    number: BigInt(number),
    entries: content.revoked.writerEntries(),
    extensions: extensionsOf(content),
  });
  return readBack(assembleSigned(tbs, signer.signatureAlgorithm, await signer.sign(tbs)), content);
}

/** RFC 5280, 5.2.6: a delta has no pointer to deltas. */
function extensionsOf({ points, base }: CrlContent): readonly Uint8Array[] {
  return [
    ...(base === undefined ? [] : [deltaCrlIndicatorExtension(BigInt(base))]),
    ...(points.issuing.length === 0 ? [] : [issuingDistributionPointExtension(points.issuing)]),
    ...(points.delta.length === 0 || base !== undefined ? [] : [freshestCrlExtension(points.delta)]),
  ];
}

function readBack(der: Uint8Array, { certificate, number, revoked }: CrlContent): Crl {
  const crl = parseCrl(der);
  const signature = verifySignature(crl.signatureAlgorithm, certificate.subjectPublicKeyInfo, crl.tbs, crl.signature);
  const isAsMeant =
    crl.revokedCount === revoked.count &&
    crlNumber(crl) === BigInt(number) &&
    sameOctets(crl.issuer.der, certificate.subject.der);
  if (signature === 'valid' && isAsMeant) return crl;
  throw new MtlsctlError(
    'issued-certificate-refused',
    `the CRL just signed does not read back (signature ${signature})`,
  );
}

const namedLosses = 10;

/**
 * A CRL lists all that the last one lists, but for what was taken back from hold and what has expired; where it does not, the ledger was
 * shortened or replaced by an old copy, and publishing would let the revoked in again. Throws `ledger-corrupt`.
 */
export function refuseLosses(crl: Crl, last: Crl, { revoked, released }: Revocations, ledger: string): void {
  const lost = serialsMissing(crl, last)
    .map(serialHex)
    .filter(serial => !revoked.has(serial) && !released.has(serial));
  if (lost.length === 0) return;
  throw new MtlsctlError(
    'ledger-corrupt',
    `${ledger} knows nothing of ${lost.length} revocations that are in the CRL in force: ${lost.slice(0, namedLosses).join(', ')}`,
    {
      hints: ['the ledger was shortened or replaced by an old copy: restore it', `tail -n 3 ${ledger}`],
      details: { serials: lost.slice(0, namedLosses), count: lost.length },
    },
  );
}
