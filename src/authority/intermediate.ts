import { join } from 'node:path';
import type { Config } from '../config.ts';
import { loadProfile } from '../config/profiles.ts';
import { readElement } from '../der/reader.ts';
import { MtlsctlError } from '../errors.ts';
import { removeTree } from '../file-operations.ts';
import { checkWritable, createPrivateFile, readOptional, writeDurable } from '../files.ts';
import { oids } from '../der/object-identifiers.ts';
import { hasSubtrees, nameConstraintsExtension, type NameConstraintsOrder } from '../issuance/extensions.ts';
import { planLifetime } from '../issuance/lifetime.ts';
import { subjectFor } from '../issuance/names.ts';
import type { Profile } from '../issuance/profile.ts';
import { type KeyType, keyTypeOf } from '../keys/key-types.ts';
import { generateKey } from '../keys/software.ts';
import type { SoftwareKey } from '../keys/signer.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import { allOrNothing, refuseOccupied, wayBack } from '../staging.ts';
import type { Certificate } from '../x509/certificate.ts';
import { type Crl, parseCrl } from '../x509/crl.ts';
import { basicConstraints, crlDistributionPoints, findExtension } from '../x509/extensions.ts';
import { formatGeneralName } from '../x509/general-name.ts';
import { sameOctets } from '../der/octets.ts';
import { formatName, namesMatch, readName } from '../x509/name.ts';
import { encodePem } from '../x509/pem.ts';
import {
  authoritiesDirectory,
  authorityLock,
  type AuthorityPaths,
  authorityPaths,
  loadAuthority,
  stageAuthority,
} from './authority.ts';
import { publishCrl } from './crl.ts';
import { crlPointsOf } from './crl-settings.ts';
import { keyFileContent } from './create-root.ts';
import { createdEvent, issuersOf, issueUnder, type IssuedChain, type OpenAuthority } from './issue.ts';
import { Ledger } from './ledger.ts';
import { subordinateKeys } from './open-issuer.ts';
import { isPublished, mergePublishedCrl } from './published-crls.ts';
import { crlLimit, crlsPath, encodeCertificates, readTrustAnchors } from './trust.ts';

/** An intermediate CA as it is asked for; what is undefined is decided by profile and configuration. */
export interface IntermediateOrder {
  readonly directory: string;
  readonly name: string;
  /** The authority that signs. */
  readonly issuer: string;
  readonly config: Config;
  /** DER Name. */
  readonly subject: Uint8Array | undefined;
  readonly keyType: KeyType | undefined;
  /** Milliseconds. */
  readonly validity: number | undefined;
  readonly pathLength: number | undefined;
  readonly nameConstraints: NameConstraintsOrder;
  /** Where the CRL of the issuer is fetched; those of mtlsctl.yaml where empty. */
  readonly crlUrls: readonly string[];
  readonly now: number;
  random(count: number): Uint8Array;
}

export interface Intermediate {
  readonly status: 'issued' | 'unchanged';
  readonly certificate: Certificate;
  readonly warnings: readonly string[];
}

export function intermediateProfile(order: IntermediateOrder): Profile {
  return loadProfile('intermediate', order.config);
}

export function intermediatePaths(order: Pick<IntermediateOrder, 'directory' | 'name'>): AuthorityPaths {
  return authorityPaths(join(authoritiesDirectory(order.directory), order.name));
}

export function intermediateSubject(order: IntermediateOrder): Uint8Array {
  const { name: authority, config } = order;
  return order.subject ?? subjectFor(intermediateProfile(order), { authority, trustDomain: config.trustDomain });
}

/**
 * The intermediate that is here already, if it is as asked; what a crash kept from following from it is done now. Undefined where there is none.
 * Throws `already-exists` where it differs, or where its request waits for a certificate.
 */
export async function existingIntermediate(order: IntermediateOrder): Promise<Certificate | undefined> {
  const certificate = await findIntermediate(order);
  if (certificate !== undefined) await completePublication(order, certificate);
  return certificate;
}

async function findIntermediate(order: IntermediateOrder): Promise<Certificate | undefined> {
  const paths = intermediatePaths(order);
  if ((await readOptional(paths.certificate)) === undefined) {
    if ((await readOptional(paths.request)) === undefined) {
      refuseOccupied(paths.directory);
      return undefined;
    }
    throw new MtlsctlError('already-exists', `the request of authority '${order.name}' waits for its certificate`, {
      hints: [`install it with 'mtlsctl issue-intermediate ${order.name} --install <file>'`],
      details: { request: paths.request },
    });
  }
  const { certificate } = await loadAuthority(order.directory, order.name);
  const differences = await differencesFrom(order, certificate);
  if (differences.length === 0) return certificate;
  throw new MtlsctlError(
    'already-exists',
    `authority '${order.name}' exists and differs in: ${differences.join(', ')}`,
    {
      hints: [`look at it with 'mtlsctl inspect ${paths.certificate}', or choose another name`],
      details: { differences },
    },
  );
}

/** Its CRL is in `crl.pem` unless the command that made it was killed before. */
export async function completePublication(
  order: Pick<IntermediateOrder, 'directory' | 'name'>,
  certificate: Certificate,
): Promise<void> {
  const file = await readOptional(intermediatePaths(order).crlDer, crlLimit);
  const crl = file === undefined ? undefined : parseCrl(file);
  if (crl === undefined || (await isPublished(order.directory, crl, certificate))) return;
  await withLock(lockDirectory(order.directory, 'pki'), () => mergePublishedCrl(order.directory, crl, certificate));
}

/** In what an intermediate is not as asked. The length of its life is compared where one is asked for: the profile's may have changed since. */
export async function differencesFrom(order: IntermediateOrder, certificate: Certificate): Promise<readonly string[]> {
  const issuer = await loadAuthority(order.directory, order.issuer);
  const profile = intermediateProfile(order);
  const comparisons: readonly (readonly [what: string, same: boolean])[] = [
    ['issuer', namesMatch(certificate.issuer, issuer.certificate.subject)],
    ['subject', namesMatch(certificate.subject, readName(readElement(intermediateSubject(order), 'subject')))],
    ['key type', keyTypeOf(certificate.subjectPublicKeyInfo) === (order.keyType ?? profile.keyType)],
    ['path length', basicConstraints(certificate)?.pathLenConstraint === (order.pathLength ?? profile.pathLength)],
    ['name constraints', sameConstraints(certificate, order.nameConstraints)],
    ['CRL URLs', crlUrlsIn(certificate).join('\n') === crlUrlsFor(order).join('\n')],
    ['validity', order.validity === undefined || livesFor(certificate, order.validity, profile.backdate)],
    ['life: it has expired', certificate.notAfter >= order.now],
  ];
  return comparisons.filter(([, same]) => !same).map(([what]) => what);
}

/** As planLifetime() has it: backdated by so much at most, and ending earlier by so much at most. All in milliseconds. */
function livesFor({ notBefore, notAfter }: Certificate, validity: number, backdate: number): boolean {
  return Math.abs(notAfter - notBefore - validity) <= backdate + 1_000;
}

function sameConstraints(certificate: Certificate, asked: NameConstraintsOrder): boolean {
  const found = findExtension(certificate, oids.nameConstraints);
  if (found === undefined || !hasSubtrees(asked)) return found === undefined && !hasSubtrees(asked);
  return sameOctets(found.value, nameConstraintsExtension(asked).value);
}

/**
 * Refuses a life that does not fit into its issuer's before anybody is asked for a yes or a passphrase. Throws `lifetime-refused`, `expired`.
 */
export async function refuseOutlivingIssuer(order: IntermediateOrder): Promise<void> {
  const issuer = await loadAuthority(order.directory, order.issuer);
  const profile = intermediateProfile(order);
  planLifetime({
    profile,
    validity: order.validity ?? profile.validity,
    now: order.now,
    issuers: issuersOf(issuer, await readTrustAnchors(order.directory)),
  });
}

/** Where the CRL of the issuer is fetched. */
function crlUrlsFor(order: IntermediateOrder): readonly string[] {
  return order.crlUrls.length > 0 ? order.crlUrls : (order.config.authorities[order.issuer]?.crlUrls ?? []);
}

function crlUrlsIn(certificate: Certificate): readonly string[] {
  return (crlDistributionPoints(certificate) ?? []).flatMap(({ distributionPoint }) =>
    distributionPoint?.kind === 'fullName'
      ? distributionPoint.names.map(name => (name.kind === 'uri' ? name.value : formatGeneralName(name)))
      : [],
  );
}

/**
 * Makes an intermediate CA where its issuer's key is: key, certificate, chain, ledger and an empty CRL take their place at one instant,
 * `crl.pem` follows from them. Where a step fails all are taken back, but for the issuer's ledger.
 */
export async function createIntermediate(
  order: IntermediateOrder,
  issuer: OpenAuthority,
  passphrase: Uint8Array | undefined,
): Promise<Intermediate> {
  const key = await generateKey(order.keyType ?? intermediateProfile(order).keyType);
  const keyPem = await keyFileContent(key, passphrase, count => order.random(count));
  return withLock(lockDirectory(order.directory, 'pki'), async () => {
    const existing = await findIntermediate(order);
    if (existing !== undefined) return { status: 'unchanged', certificate: existing, warnings: [] };
    // An authority that signs for a directory that can't be written has signed for nothing.
    checkWritable(authoritiesDirectory(order.directory));
    const { certificate, warnings } = await signInPlace(order, issuer, key, keyPem);
    return { status: 'issued', certificate, warnings };
  });
}

/** The key first: where it can't be stored, the issuer's ledger has no certificate that nobody ever gets. */
async function signInPlace(
  order: IntermediateOrder,
  issuer: OpenAuthority,
  key: SoftwareKey,
  keyPem: string,
): Promise<IssuedChain> {
  return allOrNothing(async undo => {
    const { issued, crl } = await stageAuthority(order.directory, order.name, async staging => {
      const paths = authorityPaths(staging);
      await createPrivateFile(paths.key, keyPem);
      const signed = await signIntermediate(order, issuer, key.publicKey);
      return { issued: signed, crl: await fillAuthority(order, paths, signed, key) };
    });
    undo(() => {
      removeTree(intermediatePaths(order).directory);
    });
    undo(await wayBack(crlsPath(order.directory)));
    await mergePublishedCrl(order.directory, crl, issued.certificate);
    return issued;
  });
}

/** Signs an intermediate's public key, as profile and flags have it, and records it with the issuer. */
export async function signIntermediate(
  order: IntermediateOrder,
  issuer: OpenAuthority,
  publicKey: Certificate['subjectPublicKeyInfo'],
): Promise<IssuedChain> {
  const keys = [...issuer.authorityKeys, ...(await subordinateKeys(issuer, order.name))];
  return issueUnder(
    { ...issuer, authorityKeys: keys },
    {
      profile: intermediateProfile(order),
      subject: intermediateSubject(order),
      publicKey,
      validity: order.validity,
      pathLength: order.pathLength,
      nameConstraints: order.nameConstraints,
      crlUrls: crlUrlsFor(order),
      service: order.name,
      now: order.now,
      random: count => order.random(count),
    },
  );
}

async function fillAuthority(
  order: IntermediateOrder,
  paths: AuthorityPaths,
  { certificate, chain }: IssuedChain,
  key: SoftwareKey,
): Promise<Crl> {
  const ledger = Ledger.open(paths.ledger, authorityLock(order.directory, order.name));
  await ledger.append([createdEvent(certificate)], order.now);
  await writeDurable(paths.certificate, encodePem('CERTIFICATE', certificate.der), { mode: 0o644 });
  await writeDurable(paths.chain, encodeCertificates(chain), { mode: 0o644 });
  const { crl } = await publishCrl({
    certificate,
    paths,
    ledger,
    signer: key,
    now: order.now,
    validity: crlValidity(order),
    points: crlPointsOf(order.config, order.name),
  });
  return crl;
}

/** How long a CRL of this authority is valid, in milliseconds. */
export function crlValidity({ config, name }: Pick<IntermediateOrder, 'config' | 'name'>): number {
  return config.authorities[name]?.crlValidity ?? config.crl.validity;
}

/** What a request asks for and what it will get, for whoever has to say yes. */
export function subjectText(order: IntermediateOrder): string {
  return formatName(readName(readElement(intermediateSubject(order), 'subject')));
}
