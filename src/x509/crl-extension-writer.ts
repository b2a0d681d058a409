import { oids } from '../der/object-identifiers.ts';
import {
  boolean,
  explicit,
  implicit,
  implicitConstructed,
  integer,
  octetString,
  oid,
  sequence,
} from '../der/writer.ts';

// DER of the extensions that a CRL may have besides authorityKeyIdentifier and cRLNumber, which the writer knows itself.

/** Where the complete CRL is fetched: a relying party that fetched it elsewhere notices. RFC 5280, 5.2.5. */
export function issuingDistributionPointExtension(urls: readonly string[]): Uint8Array {
  return critical(oids.issuingDistributionPoint, sequence(distributionPointName(urls)));
}

/** Where the delta CRLs are fetched. RFC 5280, 5.2.6. */
export function freshestCrlExtension(urls: readonly string[]): Uint8Array {
  return sequence(oid(oids.freshestCRL), octetString(sequence(sequence(distributionPointName(urls)))));
}

/** The number of the complete CRL that a delta goes with. RFC 5280, 5.2.4. */
export function deltaCrlIndicatorExtension(base: bigint): Uint8Array {
  return critical(oids.deltaCRLIndicator, integer(base));
}

function distributionPointName(urls: readonly string[]): Uint8Array {
  const uris = urls.map(url => implicit(6, new TextEncoder().encode(url)));
  return explicit(0, implicitConstructed(0, ...uris));
}

function critical(extnID: string, value: Uint8Array): Uint8Array {
  return sequence(oid(extnID), boolean(true), octetString(value));
}
