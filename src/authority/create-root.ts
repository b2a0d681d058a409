import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { loadProfile } from '../config/profiles.ts';
import { MtlsctlError } from '../errors.ts';
import { removeEmptyDirectory, removeTree, statPath } from '../file-operations.ts';
import { createPrivateFile, ensureDirectory, readOptional, writeDurable } from '../files.ts';
import type { NameConstraintsOrder } from '../issuance/extensions.ts';
import { issueCertificate } from '../issuance/issue.ts';
import { subjectFor } from '../issuance/names.ts';
import { type KeyType, keyTypeOf } from '../keys/key-types.ts';
import { encodePrivateKeyPem, encryptPrivateKeyPem } from '../keys/private-key.ts';
import type { SoftwareKey } from '../keys/signer.ts';
import { generateKey } from '../keys/software.ts';
import { withLock } from '../lock.ts';
import { formatDuration } from '../options.ts';
import { lockDirectory } from '../lock-directory.ts';
import { allOrNothing, refuseOccupied, wayBack } from '../staging.ts';
import type { Certificate } from '../x509/certificate.ts';
import { parseCrl } from '../x509/crl.ts';
import { sameOctets } from '../der/octets.ts';
import { encodePem } from '../x509/pem.ts';
import {
  authoritiesDirectory,
  type AuthorityPaths,
  authorityPaths,
  loadAuthority,
  stageAuthority,
} from './authority.ts';
import { configPath, readConfig, writeFirstConfig } from './configuration.ts';
import { type CrlPublication, publishCrl } from './crl.ts';
import { configuredValidity } from './crl-settings.ts';
import { createdEvent } from './issue.ts';
import { Ledger } from './ledger.ts';
import { mergePublishedCrl } from './published-crls.ts';
import { addTrustAnchor, crlsPath, readOptionalTrustAnchors, trustAnchorsPath } from './trust.ts';

/** A root CA as it is asked for; what is undefined is decided by profile and configuration. */
export interface RootOrder {
  readonly directory: string;
  readonly name: string;
  /** That of mtlsctl.yaml where undefined. */
  readonly trustDomain: string | undefined;
  /** DER Name. */
  readonly subject: Uint8Array | undefined;
  readonly keyType: KeyType | undefined;
  /** Milliseconds. */
  readonly validity: number | undefined;
  readonly pathLength: number | undefined;
  readonly nameConstraints: NameConstraintsOrder;
  /** Milliseconds. */
  readonly crlValidity: number | undefined;
  readonly now: number;
  random(count: number): Uint8Array;
}

/** A root CA with everything decided, before anything is made. */
export interface RootPlan extends RootOrder {
  readonly config: Config;
  readonly trustDomain: string;
  readonly subject: Uint8Array;
  readonly keyType: KeyType;
  readonly validity: number;
  readonly pathLength: number | undefined;
  readonly crlValidity: number;
  /** All that will be written, in order. */
  readonly files: readonly string[];
}

export interface CreatedRoot {
  readonly certificate: Certificate;
  readonly crl: CrlPublication;
}

/**
 * Decides what a root is to look like. Throws `already-exists` (exit status 4) where there is an authority of that name, or other trust anchors
 * already, and `config-invalid`.
 */
export async function planRoot(order: RootOrder, config: Config): Promise<RootPlan> {
  await refuseExisting(order);
  const profile = loadProfile('root', config);
  const paths = authorityPaths(join(authoritiesDirectory(order.directory), order.name));
  const trustDomain = order.trustDomain ?? config.trustDomain;
  const hasConfig = (await readOptional(configPath(order.directory))) !== undefined;
  if (hasConfig && trustDomain !== config.trustDomain) throw otherTrustDomain(trustDomain, config);
  if (hasConfig) refuseOtherCrlValidity(order, config);
  return {
    ...order,
    config,
    trustDomain,
    subject: order.subject ?? subjectFor(profile, { authority: order.name, trustDomain }),
    keyType: order.keyType ?? profile.keyType,
    validity: order.validity ?? profile.validity,
    pathLength: order.pathLength ?? profile.pathLength,
    crlValidity: order.crlValidity ?? configuredValidity(config, { name: order.name, isRoot: true }),
    files: [
      ...(hasConfig ? [] : [configPath(order.directory)]),
      ...[paths.key, paths.certificate, paths.ledger, paths.crlPem, paths.crlDer],
      crlsPath(order.directory),
      trustAnchorsPath(order.directory),
    ],
  };
}

export function otherTrustDomain(asked: string, config: Config): MtlsctlError {
  return new MtlsctlError(
    'usage',
    `--trust-domain ${asked} contradicts ${config.source}, which says ${config.trustDomain}`,
    {
      hints: [`leave --trust-domain out, or edit ${config.source}`],
    },
  );
}

/** The flag would hold for the first CRL only: those that follow go by mtlsctl.yaml. Throws `usage`. */
function refuseOtherCrlValidity({ name, crlValidity }: RootOrder, config: Config): void {
  const configured = configuredValidity(config, { name, isRoot: true });
  if (crlValidity === undefined || crlValidity === configured) return;
  const asked = formatDuration(crlValidity);
  throw new MtlsctlError(
    'usage',
    `--crl-validity ${asked} contradicts ${config.source}, which says ${formatDuration(configured)}`,
    { hints: [`leave --crl-validity out, or write rootValidity: ${asked} under crl: in ${config.source}`] },
  );
}

async function refuseExisting(order: RootOrder): Promise<void> {
  const { directory } = authorityPaths(join(authoritiesDirectory(order.directory), order.name));
  if ((await readOptional(authorityPaths(directory).certificate)) !== undefined) {
    throw new MtlsctlError('already-exists', `there is an authority '${order.name}' in ${order.directory} already`, {
      hints: [`look at it with 'mtlsctl inspect ${directory}/cert.pem', or give another --dir`],
      details: { directory },
    });
  }
  refuseOccupied(directory);
  if ((await readOptionalTrustAnchors(order.directory)).length > 0) {
    throw new MtlsctlError('already-exists', `${trustAnchorsPath(order.directory)} has a trust anchor already`, {
      hints: ['give another --dir: one PKI directory has one root'],
      details: { file: trustAnchorsPath(order.directory) },
    });
  }
}

/**
 * Makes the root as planned: key, certificate, ledger and CRL take their place at one instant, `crl.pem` and `ca.pem` follow from them.
 * Where a step fails all are taken back. `passphrase` undefined stores the key unencrypted.
 */
export async function createRoot(plan: RootPlan, passphrase: Uint8Array | undefined): Promise<CreatedRoot> {
  const key = await generateKey(plan.keyType);
  const keyPem = await keyFileContent(key, passphrase, count => plan.random(count));
  const certificate = await selfSigned(plan, key);
  return allOrNothing(async undo => {
    // Each is removed only where it is empty: another process may be at work there by then.
    for (const path of directoriesOf(plan)) {
      if (statPath(path) !== undefined) continue;
      undo(() => {
        removeEmptyDirectory(path);
      });
    }
    await ensureDirectory(plan.directory, 0o755);
    return createLocked(plan, { key, keyPem, certificate });
  });
}

/** What a root is made in, from the outside in. */
function directoriesOf({ directory, name }: RootPlan): readonly string[] {
  const locks = ['pki', `authority.${name}`].map(lock => lockDirectory(directory, lock));
  return [directory, authoritiesDirectory(directory), ...locks.map(path => dirname(path)).slice(0, 1), ...locks];
}

async function createLocked(
  plan: RootPlan,
  { key, keyPem, certificate }: Pick<StagedRoot, 'certificate' | 'key' | 'keyPem'>,
): Promise<CreatedRoot> {
  return withLock(lockDirectory(plan.directory, 'pki'), () =>
    allOrNothing(async undo => {
      await refuseExisting(plan);
      // What only the command line said comes first, since completeInterruptedRoot() could not know it.
      undo(await wayBack(configPath(plan.directory)));
      await writeFirstConfig(plan.directory, {
        trustDomain: plan.trustDomain,
        crl: { rootValidity: plan.crlValidity },
      });
      const { directory } = authorityPaths(join(authoritiesDirectory(plan.directory), plan.name));
      const crl = await stageAuthority(plan.directory, plan.name, staging =>
        writeAuthority({ paths: authorityPaths(staging), keyPem, certificate, key, plan }),
      );
      undo(() => {
        removeTree(directory);
      });
      undo(await wayBack(crlsPath(plan.directory)));
      await mergePublishedCrl(plan.directory, crl.crl, certificate);
      undo(await wayBack(trustAnchorsPath(plan.directory)));
      await addTrustAnchor(plan.directory, certificate);
      return { certificate, crl };
    }),
  );
}

async function selfSigned(plan: RootPlan, key: SoftwareKey): Promise<Certificate> {
  const { certificate } = await issueCertificate({
    profile: loadProfile('root', plan.config),
    subject: plan.subject,
    publicKey: key.publicKey,
    issuer: { certificate: 'self', signer: key },
    validity: plan.validity,
    ...(plan.pathLength !== undefined && { pathLength: plan.pathLength }),
    nameConstraints: plan.nameConstraints,
    now: plan.now,
    random: count => plan.random(count),
  });
  return certificate;
}

interface StagedRoot {
  readonly paths: AuthorityPaths;
  readonly keyPem: string;
  readonly certificate: Certificate;
  readonly key: SoftwareKey;
  readonly plan: RootPlan;
}

/** The ledger comes before what it records. */
async function writeAuthority({ paths, keyPem, certificate, key, plan }: StagedRoot): Promise<CrlPublication> {
  await createPrivateFile(paths.key, keyPem);
  const ledger = Ledger.open(paths.ledger, lockDirectory(plan.directory, `authority.${plan.name}`));
  await ledger.append([createdEvent(certificate)], plan.now);
  await writeDurable(paths.certificate, encodePem('CERTIFICATE', certificate.der), { mode: 0o644 });
  return publishCrl({ certificate, paths, ledger, signer: key, now: plan.now, validity: plan.crlValidity });
}

/** The PEM of a key about to be stored. */
export async function keyFileContent(
  key: SoftwareKey,
  passphrase: Uint8Array | undefined,
  random: (count: number) => Uint8Array,
): Promise<string> {
  return passphrase === undefined
    ? encodePrivateKeyPem(key.pkcs8)
    : encryptPrivateKeyPem(key.pkcs8, passphrase, random);
}

/**
 * Finishes what a crash interrupted between the authority taking its place and `ca.pem` following from it; mtlsctl.yaml too, where somebody
 * lost it. Undefined where nothing was interrupted. Throws `already-exists` where another root is asked for now than was begun, and `usage`
 * for a trust domain that contradicts mtlsctl.yaml.
 */
export async function completeInterruptedRoot(order: RootOrder): Promise<Certificate | undefined> {
  const { directory, name } = order;
  const paths = authorityPaths(join(authoritiesDirectory(directory), name));
  const file = await readOptional(paths.certificate);
  if (file === undefined || (await readOptionalTrustAnchors(directory)).length > 0) return undefined;
  return withLock(lockDirectory(directory, 'pki'), async () => {
    const { certificate, isRoot } = await loadAuthority(directory, name);
    if (!isRoot) return undefined;
    refuseOtherRoot(order, certificate);
    await completeConfig(order);
    const crl = await readOptional(paths.crlDer);
    if (crl !== undefined) await mergePublishedCrl(directory, parseCrl(crl), certificate);
    await addTrustAnchor(directory, certificate);
    return certificate;
  });
}

function refuseOtherRoot({ name, subject, keyType }: RootOrder, certificate: Certificate): void {
  const differences = [
    ...(subject === undefined || sameOctets(subject, certificate.subject.der) ? [] : ['subject']),
    ...(keyType === undefined || keyType === keyTypeOf(certificate.subjectPublicKeyInfo) ? [] : ['key type']),
  ];
  if (differences.length === 0) return;
  throw new MtlsctlError(
    'already-exists',
    `the root '${name}' that an interrupted init-root had begun differs in: ${differences.join(', ')}`,
    { hints: ['leave these flags out to finish it, or give another --dir'], details: { differences } },
  );
}

async function completeConfig(order: RootOrder): Promise<void> {
  const { directory, trustDomain, crlValidity } = order;
  const config = await readConfig(directory);
  const isThere = (await readOptional(configPath(directory))) !== undefined;
  if (isThere && trustDomain !== undefined && trustDomain !== config.trustDomain) {
    throw otherTrustDomain(trustDomain, config);
  }
  if (isThere) refuseOtherCrlValidity(order, config);
  await writeFirstConfig(directory, {
    trustDomain: trustDomain ?? config.trustDomain,
    crl: { rootValidity: crlValidity ?? config.crl.rootValidity },
  });
}
