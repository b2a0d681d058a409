import type { ServiceFile } from '../config/service-file.ts';
import { MtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { RevocationCheck } from './revocation.ts';

interface AuthorityCheck {
  readonly trustAnchors: readonly Certificate[];
  readonly revocation: RevocationCheck;
  /** The authority's certificate and those above it. */
  issuers(settings: ServiceFile): Promise<readonly Certificate[]>;
}

/** Throws `authority-revoked`: a certificate under a revoked authority is refused by all, and due at once. */
export async function refuseRevokedAuthority(check: AuthorityCheck, settings: ServiceFile): Promise<void> {
  const issuers = await check.issuers(settings);
  const revocation = issuers.length === 0 ? undefined : check.revocation([...issuers, ...check.trustAnchors]);
  if (revocation === undefined) return;
  const { subject, reason, revocationDate } = revocation;
  const when = formatInstant(revocationDate);
  const name = settings.authority ?? subject;
  throw new MtlsctlError(
    'authority-revoked',
    `the authority '${name}' can't issue: ${subject} was revoked at ${when} (${reason})`,
    {
      hints: [
        "make another authority with 'mtlsctl issue-intermediate <name>', and name it as 'authority' in service.yaml",
      ],
      details: { authority: name, subject, reason, revocationDate: when },
    },
  );
}
