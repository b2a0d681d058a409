import { createHash } from 'node:crypto';
import { loadConfig } from '../../src/config.ts';
import { loadProfile } from '../../src/config/profiles.ts';
import { type CertificateOrder, type Issuer, issueCertificate } from '../../src/issuance/issue.ts';
import { planNames, subjectFor } from '../../src/issuance/names.ts';
import type { KeyType } from '../../src/keys/key-types.ts';
import type { SoftwareKey } from '../../src/keys/signer.ts';
import { generateKey } from '../../src/keys/software.ts';
import type { Certificate } from '../../src/x509/certificate.ts';

export const now = Date.UTC(2026, 10, 22, 14, 5, 1);
export const day = 86_400_000;
export const year = 365 * day;
export const config = loadConfig(undefined);

/** Deterministic octets that look random: each test starts a row of its own. */
export function randomness(seed = 'seed'): (count: number) => Uint8Array {
  let calls = 0;
  return count => {
    calls += 1;
    return Uint8Array.from(createHash('sha512').update(`${seed} ${calls}`).digest().subarray(0, count));
  };
}

const keys = new Map<string, Promise<SoftwareKey>>();

/** One key for each label and type: making RSA keys is slow. */
export function keyFor(label: string, keyType: KeyType = 'ec-p256'): Promise<SoftwareKey> {
  const id = `${label} ${keyType}`;
  const known = keys.get(id) ?? generateKey(keyType);
  keys.set(id, known);
  return known;
}

export interface Ca {
  readonly certificate: Certificate;
  readonly key: SoftwareKey;
  readonly chain: readonly Certificate[];
}

type Changes = Partial<Omit<CertificateOrder, 'issuer'>> & { readonly keyType?: KeyType; readonly label?: string };

export async function root(changes: Changes = {}): Promise<Ca> {
  const { keyType = 'ec-p256', label = 'root', ...rest } = changes;
  const key = await keyFor(label, keyType);
  const profile = rest.profile ?? loadProfile('root', config);
  const { certificate } = await issueCertificate({
    profile,
    subject: subjectFor(profile, { authority: label, trustDomain: config.trustDomain }),
    publicKey: key.publicKey,
    issuer: { certificate: 'self', signer: key },
    now,
    random: randomness(label),
    ...rest,
  });
  return { certificate, key, chain: [] };
}

export async function intermediate(issuer: Ca, changes: Changes = {}): Promise<Ca> {
  const { keyType = 'ec-p256', label = 'site-a', ...rest } = changes;
  const key = await keyFor(label, keyType);
  const profile = rest.profile ?? loadProfile('intermediate', config);
  const { certificate } = await issueCertificate({
    profile,
    subject: subjectFor(profile, { authority: label, trustDomain: config.trustDomain }),
    publicKey: key.publicKey,
    issuer: issuerOf(issuer),
    now,
    random: randomness(label),
    ...rest,
  });
  return { certificate, key, chain: [issuer.certificate, ...issuer.chain] };
}

export async function leafOrder(issuer: Ca, changes: Changes = {}): Promise<CertificateOrder> {
  const { keyType = 'ec-p256', label = 'user-svc', ...rest } = changes;
  const key = await keyFor(label, keyType);
  const profile = rest.profile ?? loadProfile('service', config);
  const issuers = [issuer.certificate, ...issuer.chain];
  return {
    profile,
    subject: subjectFor(profile, { service: label, trustDomain: config.trustDomain }),
    names: planNames(profile, { service: label, trustDomain: config.trustDomain, issuers }).names,
    publicKey: key.publicKey,
    issuer: issuerOf(issuer),
    now,
    random: randomness(label),
    ...rest,
  };
}

export async function leaf(issuer: Ca, changes: Changes = {}): Promise<Certificate> {
  return (await issueCertificate(await leafOrder(issuer, changes))).certificate;
}

export function issuerOf(ca: Ca): Issuer {
  return { certificate: ca.certificate, signer: ca.key, chain: ca.chain };
}
