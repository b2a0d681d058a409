import { type AuthorityTargets, isIntermediate, type RevocationTarget } from '../authority/revocation-targets.ts';
import type { IssuedCertificate } from '../authority/issued.ts';
import type { ServiceEntry } from '../enrolment/entry.ts';
import { reissue, servicesInNeed } from '../enrolment/reissue.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import type { CommandContext, OptionValues } from './command.ts';
import { enrolmentOrder } from './enrolment-options.ts';

export interface Replacement {
  readonly found: readonly AuthorityTargets[];
  readonly target: RevocationTarget;
  readonly caPassphrase: (authority: string) => Promise<Uint8Array>;
}

/** Before anything is revoked: killed in between, a service has a valid pair, and the next run revokes. */
export async function replaceFirst(
  context: CommandContext,
  { found, target, caPassphrase }: Replacement,
  options: OptionValues,
): Promise<readonly ServiceEntry[]> {
  if (options['reissue'] !== true) return [];
  const certificates = found.flatMap(targets => targets.certificates);
  const serials = new Set(certificates.map(({ issued }) => issued.serial));
  const leaves = certificates.filter(certificate => !isIntermediate(certificate));
  if (leaves.length < certificates.length)
    context.warn("--reissue is for services: for an authority run 'mtlsctl issue-intermediate <name>'");
  const services = [...new Set(leaves.flatMap(({ issued }) => issued.service ?? []))];
  const inNeed = await servicesInNeed(context.directory, services, serials);
  for (const service of services.filter(each => !inNeed.includes(each)))
    context.note(`${service}: none of these is installed here: nothing to reissue`);
  if (target.kind === 'service' && target.issuedBefore === undefined && inNeed.length > 0)
    noteRepetition(context, leaves);
  if (options['dryRun'] === true) {
    for (const service of inNeed) context.note(`${service}: would be reissued first`);
    return [];
  }
  try {
    return inNeed.length === 0
      ? []
      : await reissue({ ...(await enrolmentOrder(context, options)), caPassphrase }, inNeed);
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    throw new MtlsctlError(error.code, `nothing was revoked, since the replacement failed: ${error.message}`, {
      hints: [...error.hints, 'to revoke all the same, leave --reissue out'],
      details: error.details,
      cause: error,
    });
  }
}

/**
 * Whether the certificate that is left is the replacement that a run before this one made, or one whose key is known to others too, nobody can
 * tell but who asks: it is revoked, and how to say that it is not meant is told.
 */
function noteRepetition(context: CommandContext, certificates: readonly IssuedCertificate[]): void {
  const [left, ...others] = certificates.filter(({ revocation }) => revocation === undefined);
  if (left === undefined || others.length > 0 || certificates.length === 1) return;
  const { serial, service = '' } = left.issued;
  context.note(
    `${service}: the others were revoked before, and ${serial} is meant too; to leave it alone: --issued-before ${formatInstant(left.at)}`,
  );
}
