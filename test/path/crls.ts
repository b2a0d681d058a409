import { oids } from '../../src/der/object-identifiers.ts';
import {
  bitString,
  enumerated,
  explicit,
  implicit,
  integer,
  sequence,
  time,
  unsignedInteger,
} from '../../src/der/writer.ts';
import type { Certificate } from '../../src/x509/certificate.ts';
import { parseCrl, type Crl } from '../../src/x509/crl.ts';
import {
  day,
  directoryName,
  encodeExtension,
  extension,
  keyId,
  now,
  type Entity,
  type TestExtension,
  type TestKey,
} from './certificates.ts';

export interface RevokedCertificate {
  readonly certificate: Certificate;
  readonly at?: number;
  /** CRLReason. */
  readonly reason?: number;
  readonly extensions?: readonly TestExtension[];
}

/** Everything has a value that makes an acceptable, complete CRL; a test gives the one that deviates. */
export interface CrlOptions {
  readonly revoked?: readonly RevokedCertificate[];
  readonly thisUpdate?: number;
  readonly nextUpdate?: number | null;
  readonly number?: bigint;
  readonly extensions?: readonly TestExtension[];
  readonly without?: readonly string[];
  readonly signer?: TestKey;
  /** Another name than the issuer's. */
  readonly issuerName?: Uint8Array;
  readonly outerAlgorithm?: Uint8Array;
}

export function crl(issuer: Entity, options: CrlOptions = {}): Crl {
  const signer = options.signer ?? issuer.key;
  const { nextUpdate = now + day } = options;
  const entries = (options.revoked ?? []).map(encodeEntry);
  const tbs = sequence(
    integer(1),
    signer.algorithm,
    options.issuerName ?? issuer.certificate.subject.der,
    time(options.thisUpdate ?? now - day),
    ...(nextUpdate === null ? [] : [time(nextUpdate)]),
    ...(entries.length === 0 ? [] : [sequence(...entries)]),
    explicit(0, sequence(...extensionsOf(options, signer).map(encodeExtension))),
  );
  return parseCrl(sequence(tbs, options.outerAlgorithm ?? signer.algorithm, bitString(signer.sign(tbs))));
}

function extensionsOf(options: CrlOptions, signer: TestKey): readonly TestExtension[] {
  const all = new Map(
    [
      extension(oids.authorityKeyIdentifier, false, sequence(implicit(0, keyId(signer.spki)))),
      extension(oids.cRLNumber, false, integer(options.number ?? 7n)),
      ...(options.extensions ?? []),
    ].map(item => [item.oid, item]),
  );
  for (const type of options.without ?? []) all.delete(type);
  return [...all.values()];
}

function encodeEntry({ certificate, at, reason, extensions = [] }: RevokedCertificate): Uint8Array {
  const all = [...(reason === undefined ? [] : [extension(oids.reasonCode, false, enumerated(reason))]), ...extensions];
  return sequence(
    unsignedInteger(certificate.serialNumber),
    time(at ?? now - day),
    ...(all.length === 0 ? [] : [sequence(...all.map(encodeExtension))]),
  );
}

/** A critical issuingDistributionPoint; fields as `explicit` and `implicit` make them. */
export const issuingPoint = (...fields: readonly Uint8Array[]): TestExtension =>
  extension(oids.issuingDistributionPoint, true, sequence(...fields));

/** A fullName of one directory name, in the field of a DistributionPoint or an issuingDistributionPoint. */
export const pointName = (name: Uint8Array): Uint8Array => explicit(0, explicit(0, directoryName(name)));

export const yes = Uint8Array.of(0xff);
