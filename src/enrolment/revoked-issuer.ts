import { loadAuthority } from '../authority/authority.ts';
import { issuersOf } from '../authority/issue.ts';
import { readTrustAnchors } from '../authority/trust.ts';
import { namedByFlag } from '../config/service-file.ts';
import { refuseRevokedIssuers } from '../deployment/revoked-authority.ts';
import { publishedRevocations } from './set-up.ts';

/**
 * For a command that names the authority by --issuer: throws `authority-revoked` where it, or one above it, is on a CRL that is published here.
 * Asked before anybody is asked for a yes or a passphrase.
 */
export async function refuseRevokedIssuer(directory: string, name: string): Promise<void> {
  const authority = await loadAuthority(directory, name);
  const trustAnchors = await readTrustAnchors(directory);
  refuseRevokedIssuers({
    ...{ trustAnchors, authority: name, naming: namedByFlag },
    issuers: issuersOf(authority, trustAnchors),
    revocation: await publishedRevocations(directory),
  });
}
