import { formatInstant } from '../options.ts';
import { type DueReason, firstSecond } from './decision.ts';

/** What a reason says, for a person: one line, no full stop. */
export function explainDue(reason: DueReason): string {
  switch (reason.code) {
    case 'anchors-changed':
      return 'the trust anchors of the PKI directory have changed';
    case 'expired':
      return `it expired at ${formatInstant(reason.notAfter)}`;
    case 'forced':
      return 'it is asked for with --force';
    case 'issuer-changed':
      return 'the authority has another key, or is another one';
    case 'issuer-revoked':
      return `${reason.subject} was revoked at ${formatInstant(reason.revocationDate)} (${reason.reason})`;
    case 'key-encryption-changed':
      return `its key is ${reason.found} and should be ${reason.wanted}`;
    case 'key-type-changed':
      return `its key is ${reason.found} and should be ${reason.wanted}`;
    case 'missing':
      return `missing: ${reason.files.join(', ')}`;
    case 'names-changed':
      return namesText(reason.missing, reason.unwanted);
    case 'outputs-changed':
      return 'service.yaml asks for other files beside it';
    case 'pair-mismatch':
      return 'the key is not that of the certificate';
    case 'profile-changed':
      return 'its purposes or its length of life are not those of its profile any more';
    case 'renewal-time-reached':
      return `its time was ${formatInstant(firstSecond(reason.renewAt))}`;
    case 'revoked':
      return `it was revoked at ${formatInstant(reason.revocationDate)} (${reason.reason})`;
    case 'unreadable':
      return reason.problem;
  }
}

function namesText(missing: readonly string[], unwanted: readonly string[]): string {
  const parts = [
    ...(missing.length === 0 ? [] : [`it lacks ${missing.join(', ')}`]),
    ...(unwanted.length === 0 ? [] : [`it has ${unwanted.join(', ')}, which nobody asks for`]),
  ];
  return parts.join('; ');
}
