import type { Config } from '../config.ts';
import { loadProfile, profileNames } from '../config/profiles.ts';
import type { ServiceFile } from '../config/service-file.ts';
import { readElement } from '../der/reader.ts';
import { planNames, subjectFor, type SubjectNames } from '../issuance/names.ts';
import { keyUsageFor, type Profile } from '../issuance/profile.ts';
import { type KeyType, keyTypes } from '../keys/key-types.ts';
import { MtlsctlError } from '../errors.ts';
import { printable } from '../printable.ts';
import { badValue } from '../options.ts';
import type { Certificate } from '../x509/certificate.ts';
import { subjectKeyIdentifier } from '../x509/extensions.ts';
import { formatIp, parseIp } from '../x509/general-name.ts';
import { formatName, readName } from '../x509/name.ts';
import { renewalShare, type Wanted } from './decision.ts';

/** What a service is to have, decided from its settings, its profile and its authority. Pure. */
export interface ServicePlan {
  readonly service: string;
  readonly settings: ServiceFile;
  readonly profile: Profile;
  readonly keyType: KeyType;
  /** Milliseconds. */
  readonly validity: number;
  /** DER Name. */
  readonly subject: Uint8Array;
  readonly names: SubjectNames;
  /** Short names that the authority's constraints exclude. */
  readonly dropped: readonly string[];
  readonly wanted: Wanted;
}

/**
 * `issuers` are the authority's certificate and those above it; empty where the authority is not known here. `host` is where the service's
 * certificate is renewed, undefined where that is not known.
 * Throws `bad-value` for an unknown profile, `config-invalid`, `policy-refused`.
 */
export function planService(
  service: string,
  settings: ServiceFile,
  config: Config,
  issuers: readonly Certificate[],
  host?: string,
): ServicePlan {
  const profile = loadProfile(settings.profile ?? config.defaults.profile, config);
  if (profile.kind !== 'leaf') throw notForServices(profile, config);
  const keyType = settings.keyType ?? profile.keyType;
  const validity = settings.validity ?? profile.validity;
  const values = { service, trustDomain: config.trustDomain };
  const subject = subjectFor(profile, values);
  const { names, dropped } = planNames(profile, { ...values, extra: settings, issuers });
  refuseForeignSpiffeIds(names, config);
  const [issuer] = issuers;
  return {
    ...{ service, settings, profile, keyType, validity, subject, names, dropped },
    wanted: {
      subject: formatName(readName(readElement(subject, 'subject'))),
      names: nameTexts(names),
      keyType,
      keyUsage: keyUsageFor(profile, keyTypes[keyType].isRsa),
      extendedKeyUsage: profile.extendedKeyUsage,
      renewAt: renewalShare(profile.renewAt, service, host),
      validity,
      backdate: profile.backdate,
      issuer: issuer && {
        keyIdentifier: subjectKeyIdentifier(issuer),
        notAfter: Math.min(...issuers.map(each => each.notAfter)),
      },
    },
  };
}

/** Only the authorities of a trust domain vouch for its members. SPIFFE X.509-SVID, 4.2. */
function refuseForeignSpiffeIds({ uri }: SubjectNames, { trustDomain, source }: Config): void {
  const own = `spiffe://${trustDomain}/`;
  const foreign = uri.find(each => each.toLowerCase().startsWith('spiffe:') && !each.startsWith(own));
  if (foreign === undefined) return;
  throw new MtlsctlError('name-refused', `${printable(foreign)} is not of the trust domain '${trustDomain}'`, {
    hints: [`a SPIFFE ID here begins with ${own}`, `the trust domain is set in ${source}`],
    details: { uri: foreign, trustDomain },
  });
}

function notForServices({ name, kind }: Profile, config: Config): MtlsctlError {
  const leaves = profileNames(config).filter(each => loadProfile(each, config).kind === 'leaf');
  return badValue(name, '--profile', `it is of the kind '${kind}', and not for services`, [
    `the profiles for services are: ${leaves.join(', ')}`,
  ]);
}

/** As formatGeneralName() writes them, so that they compare with what a certificate has. */
function nameTexts(names: SubjectNames): readonly string[] {
  return [
    ...names.dns.map(name => `DNS:${name}`),
    ...names.ip.map(address => `IP:${formatIp(parseIp(address) ?? new Uint8Array())}`),
    ...names.uri.map(uri => `URI:${uri}`),
    ...names.email.map(address => `email:${address}`),
  ];
}

/** The names of a plan as a verifier takes them. */
export function referenceNames(
  names: SubjectNames,
): readonly { kind: 'dns' | 'email' | 'ip' | 'uri'; value: string }[] {
  const wildcard = (name: string): string => name.replace(/^\*\./, 'wildcard.');
  return [
    ...names.dns.map(name => ({ kind: 'dns' as const, value: wildcard(name) })),
    ...names.ip.map(value => ({ kind: 'ip' as const, value })),
    ...names.uri.map(value => ({ kind: 'uri' as const, value })),
    ...names.email.map(value => ({ kind: 'email' as const, value })),
  ];
}
