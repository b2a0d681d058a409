import type { AuthorityNaming, ServiceFile } from '../config/service-file.ts';
import { MtlsctlError } from '../errors.ts';
import { formatInstant } from '../options.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { RevocationCheck } from './revocation.ts';

interface AuthorityCheck {
  readonly trustAnchors: readonly Certificate[];
  readonly revocation: RevocationCheck;
  readonly naming: AuthorityNaming;
  /** The authority's certificate and those above it. */
  issuers(settings: ServiceFile): Promise<readonly Certificate[]>;
}

/** Throws `authority-revoked`: a certificate under a revoked authority is refused by all, and due at once. */
export async function refuseRevokedAuthority(check: AuthorityCheck, settings: ServiceFile): Promise<void> {
  const issuers = await check.issuers(settings);
  const { authority } = settings;
  refuseRevokedIssuers({ ...check, issuers, authority });
}

export interface IssuersCheck extends Pick<AuthorityCheck, 'naming' | 'revocation' | 'trustAnchors'> {
  /** The authority's certificate and those above it. */
  readonly issuers: readonly Certificate[];
  /** Its name; undefined where it is known by its certificate only. */
  readonly authority: string | undefined;
}

/** Whether an authority, told by its certificate and those above it, is neither expired nor revoked. `now` in milliseconds. */
export function canIssue(
  issuers: readonly Certificate[],
  { revocation, trustAnchors, now }: Pick<AuthorityCheck, 'revocation' | 'trustAnchors'> & { readonly now: number },
): boolean {
  return issuers.every(({ notAfter }) => now <= notAfter) && revocation([...issuers, ...trustAnchors]) === undefined;
}

/** As refuseRevokedAuthority(), for whatever is about to be issued. */
export function refuseRevokedIssuers({ issuers, trustAnchors, revocation, authority, naming }: IssuersCheck): void {
  const found = issuers.length === 0 ? undefined : revocation([...issuers, ...trustAnchors]);
  if (found === undefined) return;
  const { subject, reason, revocationDate } = found;
  const when = formatInstant(revocationDate);
  const name = authority ?? subject;
  throw new MtlsctlError(
    'authority-revoked',
    `the authority '${name}' can't issue: ${subject} was revoked at ${when} (${reason})`,
    {
      hints: [`make another authority with 'mtlsctl issue-intermediate <name>', and ${naming('<name>')}`],
      details: { authority: name, subject, reason, revocationDate: when },
    },
  );
}
