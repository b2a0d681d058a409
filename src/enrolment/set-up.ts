import { readConfig } from '../authority/configuration.ts';
import { readPublishedCrls, readTrustAnchors } from '../authority/trust.ts';
import { type AuthorityNaming, namedByFlag, type ServiceFile } from '../config/service-file.ts';
import type { Enrolment } from '../deployment/enroll.ts';
import { type RevocationCheck, revocationCheck } from '../deployment/revocation.ts';
import { canIssue } from '../deployment/revoked-authority.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import type { Issuers } from '../issuers/issuer.ts';
import { localIssuers } from '../issuers/local.ts';
import { type AskedSettings, mergeFlags, mergeSettings } from './settings.ts';

/** What a run of enrolments is given from outside. */
export interface EnrolmentOrder {
  readonly directory: string;
  /** The name of this machine, where it has one. */
  readonly host: string | undefined;
  /** A new certificate even where the present one is as asked. */
  readonly force: boolean;
  /** Encrypts the keys of leaves where it is given. */
  readonly leafPassphrase: Uint8Array | undefined;
  /** Somebody has said that they are to be unencrypted, whatever they were. */
  readonly noLeafPassphrase?: boolean;
  /** Asked for only when an encrypted key has to sign. */
  caPassphrase(authority: string): Promise<Uint8Array>;
  /** By its flag where it is not given. */
  readonly naming?: AuthorityNaming;
  /** See LocalIssuersOptions. */
  readonly chooseAuthority?: ((ambiguity: MtlsctlError) => Promise<string>) | undefined;
  now(): number;
  random(count: number): Uint8Array;
}

/** What is asked for one service, and whether it is all that is asked (a fleet file) or goes over what service.yaml has (flags). */
export interface Asked {
  readonly settings: AskedSettings;
  readonly isWhole: boolean;
}

/**
 * Joins deployment and issuers: configuration, trust anchors, the authorities of this PKI directory, and how settings come about.
 * Throws `not-found` where there is no trust anchor, `config-invalid`.
 */
export async function setUpEnrolment(order: EnrolmentOrder, asked: (service: string) => Asked): Promise<Enrolment> {
  const { directory, host, force, naming = namedByFlag } = order;
  const { leafPassphrase: passphrase, noLeafPassphrase: noPassphrase = false } = order;
  const trustAnchors = await readTrustAnchors(directory);
  const config = await readConfig(directory);
  const revocation = await publishedRevocations(directory);
  const issuers = localIssuers({
    directory,
    random: count => order.random(count),
    passphrase: authority => order.caPassphrase(authority),
    canIssue: chain => canIssue(chain, { revocation, trustAnchors, now: order.now() }),
    naming,
    chooseAuthority: order.chooseAuthority,
  });
  return {
    ...{ directory, host, config, trustAnchors, revocation, passphrase, noPassphrase, naming, force },
    now: () => order.now(),
    random: count => order.random(count),
    settings: async (service, stored) => {
      const { settings, isWhole } = asked(service);
      const merged = isWhole ? mergeSettings(undefined, settings) : mergeFlags(stored, settings);
      const authority = merged.authority ?? stored?.authority ?? (await unnamedAuthority(issuers, stored));
      return {
        ...merged,
        profile: merged.profile ?? config.defaults.profile,
        ...(authority !== undefined && { authority }),
      };
    },
    issuers: async ({ authority }) => (authority === undefined ? [] : issuers.certificates(authority)),
    issue: async ({ service, profile, subject, names, validity, settings }, publicKey, now) => {
      if (settings.authority === undefined) throw noAuthorityHere(service, directory);
      return issuers.issue(settings.authority, { service, profile, subject, names, validity, publicKey, now });
    },
  };
}

/** Undefined for a service that is here where no authority is: its certificate came from elsewhere, and may be all that is asked for. */
async function unnamedAuthority(issuers: Issuers, stored: ServiceFile | undefined): Promise<string | undefined> {
  try {
    return await issuers.defaultAuthority();
  } catch (error) {
    if (stored === undefined || !isMtlsctlError(error, 'authority-missing')) throw error;
    return undefined;
  }
}

export function noAuthorityHere(service: string, directory: string): MtlsctlError {
  return new MtlsctlError('authority-missing', `no authority in ${directory} issues to services`, {
    hints: [`ask for a certificate elsewhere: mtlsctl enroll ${service} --request`],
  });
}

/** A damaged crl.pem lists nothing, and is no reason to leave services without certificates; those who verify refuse it. */
export async function publishedRevocations(directory: string): Promise<RevocationCheck> {
  try {
    return revocationCheck(await readPublishedCrls(directory));
  } catch (error) {
    if (!isMtlsctlError(error, 'malformed')) throw error;
    return revocationCheck([]);
  }
}
