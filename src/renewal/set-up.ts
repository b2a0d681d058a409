import { join } from 'node:path';
import { authorityNames, loadAuthority } from '../authority/authority.ts';
import { readConfig } from '../authority/configuration.ts';
import { readPublishedCrls, readTrustAnchors } from '../authority/trust.ts';
import { namedInFile, type ServiceFile } from '../config/service-file.ts';
import { type Evidence, judgeClock } from '../deployment/clock.ts';
import { readService } from '../deployment/generation.ts';
import type { Renewal } from '../deployment/renew.ts';
import { canIssue } from '../deployment/revoked-authority.ts';
import { revocationCheck } from '../deployment/revocation.ts';
import { noAuthorityHere } from '../enrolment/set-up.ts';
import { isMtlsctlError } from '../errors.ts';
import { localIssuers } from '../issuers/local.ts';
import type { Issuers } from '../issuers/issuer.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import type { Crl } from '../x509/crl.ts';
import { formatName } from '../x509/name.ts';
import type { Remembered } from './remembered.ts';
import type { RenewalOrder } from './order.ts';

/**
 * Joins deployment and issuers for one look at some services, from what is on disk now: nothing that failed is remembered for the next look.
 * Throws `not-found` where there is no trust anchor, `config-invalid`.
 */
export async function setUpRenewal(
  order: RenewalOrder,
  services: readonly string[],
  remembered: ReadonlyMap<string, Remembered>,
): Promise<{ renewal: Renewal; warnings: readonly string[] }> {
  const { directory, host, force, reuseKey, hook, isPatient, env, lockPatience } = order;
  const trustAnchors = await readTrustAnchors(directory);
  const config = await readConfig(directory);
  const { crls, warnings } = await publishedCrls(directory);
  const revocation = revocationCheck(crls);
  const issuers = localIssuers({
    directory,
    random: count => order.random(count),
    passphrase: authority => order.caPassphrase(authority),
    naming: namedInFile,
    canIssue: chain => canIssue(chain, { revocation, trustAnchors, now: order.now() }),
  });
  const renewal: Renewal = {
    ...{ directory, host, config, trustAnchors, force, reuseKey, hook, isPatient, env, lockPatience },
    revocation,
    naming: namedInFile,
    passphrase: await order.leafPassphrase(),
    clock: judgeClock(await clockEvidence(directory, services, { crls, remembered }), order.now()),
    now: () => order.now(),
    random: count => order.random(count),
    settings: async (_service, stored) => ({ ...stored, ...(await decided(issuers, stored, config.defaults.profile)) }),
    issuers: settings => knownIssuers(issuers, settings.authority),
    issue: ({ service, profile, subject, names, validity, settings }, publicKey, now) => {
      if (settings.authority === undefined) throw noAuthorityHere(service, directory);
      return issuers.issue(settings.authority, { service, profile, subject, names, validity, publicKey, now });
    },
  };
  return { renewal, warnings };
}

async function publishedCrls(directory: string): Promise<{ crls: readonly Crl[]; warnings: readonly string[] }> {
  try {
    return { crls: await readPublishedCrls(directory), warnings: [] };
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return { crls: [], warnings: [`no revocation is known: ${error.message}; 'mtlsctl crl' publishes a new one`] };
  }
}

/** What service.yaml leaves open. Where no authority is here that could issue, it stays open. */
async function decided(
  issuers: Issuers,
  stored: ServiceFile | undefined,
  profile: string,
): Promise<Pick<ServiceFile, 'authority' | 'dns' | 'email' | 'ip' | 'profile' | 'uri'>> {
  const { dns = [], ip = [], uri = [], email = [] } = stored ?? {};
  const authority = stored?.authority ?? (await unlessMissing(() => issuers.defaultAuthority()));
  return { dns, ip, uri, email, profile: stored?.profile ?? profile, ...(authority !== undefined && { authority }) };
}

async function knownIssuers(issuers: Issuers, authority: string | undefined): Promise<readonly Certificate[]> {
  if (authority === undefined) return [];
  return (await unlessMissing(() => issuers.certificates(authority))) ?? [];
}

async function unlessMissing<T>(find: () => Promise<T>): Promise<T | undefined> {
  try {
    return await find();
  } catch (error) {
    if (isMtlsctlError(error, 'authority-missing')) return undefined;
    throw error;
  }
}

/** What was made here, or came from elsewhere, at a known time; what can't be read tells nothing. */
async function clockEvidence(
  directory: string,
  services: readonly string[],
  { crls, remembered }: { readonly crls: readonly Crl[]; readonly remembered: ReadonlyMap<string, Remembered> },
): Promise<readonly Evidence[]> {
  const evidence: Evidence[] = crls.map(({ issuer, thisUpdate, nextUpdate = thisUpdate }) => ({
    ...{ what: `the CRL of ${formatName(issuer)}`, at: thisUpdate, until: nextUpdate, isForeign: true },
  }));
  for (const name of await authorityNames(directory)) {
    const authority = await unlessUnreadable(() => loadAuthority(directory, name));
    if (authority !== undefined)
      evidence.push(evidenceOf(`the certificate of authority '${name}'`, authority.certificate));
  }
  for (const service of services) {
    const known = remembered.get(service);
    if (known !== undefined) {
      evidence.push(evidenceOf(`the certificate of '${service}'`, known));
      continue;
    }
    const certificate = await unlessUnreadable(async () => {
      const files = await readService(join(directory, service));
      return files && readCertificates(files.cert)[0];
    });
    if (certificate !== undefined) evidence.push(evidenceOf(`the certificate of '${service}'`, certificate));
  }
  return evidence;
}

function evidenceOf(what: string, { notBefore, notAfter }: Pick<Certificate, 'notAfter' | 'notBefore'>): Evidence {
  return { what, at: notBefore, until: notAfter, isForeign: false };
}

async function unlessUnreadable<T>(read: () => Promise<T>): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    if (isMtlsctlError(error)) return undefined;
    throw error;
  }
}
