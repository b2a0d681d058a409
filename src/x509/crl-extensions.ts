import { oids } from '../der/object-identifiers.ts';
import { Tag, malformed } from '../der/reader.ts';
import { readInteger, readSmallInteger, readTime } from '../der/values.ts';
import { decoder, maximumCount, typed } from './extension.ts';
import { readGeneralNames } from './general-name.ts';

// What the decoders here return and throw: see extensions.ts.

/** RFC 5280, 5.2.3. */
export const crlNumber = decoder(oids.cRLNumber, 'cRLNumber', typed(Tag.integer, 'cRLNumber', readInteger));

/** The number of the base CRL. RFC 5280, 5.2.4. */
export const deltaCrlIndicator = decoder(
  oids.deltaCRLIndicator,
  'deltaCRLIndicator',
  typed(Tag.integer, 'deltaCRLIndicator', readInteger),
);

/** CRLReason: RFC 5280, 5.3.1. Number 7 is not used. */
export const CrlReason = {
  unspecified: 0,
  keyCompromise: 1,
  cACompromise: 2,
  affiliationChanged: 3,
  superseded: 4,
  cessationOfOperation: 5,
  certificateHold: 6,
  removeFromCRL: 8,
  privilegeWithdrawn: 9,
  aACompromise: 10,
} as const;

export type CrlReasonName = keyof typeof CrlReason;

export function crlReasonName(code: number): CrlReasonName | undefined {
  return (Object.keys(CrlReason) as CrlReasonName[]).find(name => CrlReason[name] === code);
}

/** A CRLReason number. RFC 5280, 5.3.1. */
export const reasonCode = decoder(
  oids.reasonCode,
  'reasonCode',
  typed(Tag.enumerated, 'reasonCode', e => {
    const code = readSmallInteger(e, maximumCount);
    if (crlReasonName(code) === undefined) malformed(e.start, `reasonCode: ${code} is none`);
    return code;
  }),
);

/** Milliseconds since the epoch. RFC 5280, 5.3.2. */
export const invalidityDate = decoder(
  oids.invalidityDate,
  'invalidityDate',
  typed(Tag.generalizedTime, 'invalidityDate', e => readTime(e)),
);

/** RFC 5280, 5.3.3. */
export const certificateIssuer = decoder(
  oids.certificateIssuer,
  'certificateIssuer',
  typed(Tag.sequence, 'certificateIssuer', e => readGeneralNames(e, 'certificateIssuer')),
);
