import { join } from 'node:path';
import { inFile, MtlsctlError } from '../errors.ts';
import { attempt, removeEmptyDirectory, removeTree, statPath } from '../file-operations.ts';
import {
  createPrivateFile,
  ensureDirectory,
  readBounded,
  readGiven,
  readOptional,
  replaceFile,
  writeDurable,
} from '../files.ts';
import { checkRequest, createRequest } from '../issuance/request.ts';
import {
  describePrivateKeyFile,
  encodePrivateKeyPem,
  encryptPrivateKeyPem,
  publicKeyOf,
  readPrivateKey,
} from '../keys/private-key.ts';
import { keyTypeOf } from '../keys/key-types.ts';
import { openSigner } from '../keys/open.ts';
import { generateKey } from '../keys/software.ts';
import { withLock } from '../lock.ts';
import { formatInstant } from '../options.ts';
import { allOrNothing, stageDirectory, wayBack } from '../staging.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { firstStranger, strangerIn } from '../x509/chain.ts';
import { namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { encodePem, readPem } from '../x509/pem.ts';
import type { Request } from '../x509/request.ts';
import { consumerRefusal, type Enrolment, putInForce, sameCertificates, whyDue } from './enroll.ts';
import { publicLinksMissing, readService, restorePublicLinks } from './generation.ts';
import { checkPassphrase, encryptionChanges, refuseDecryption } from './key-encryption.ts';
import { checkKeyForOutputs } from './outputs.ts';
import { planService, type ServicePlan } from './plan.ts';
import {
  refuseLink,
  readInstalled,
  readServiceSettings,
  type ServicePaths,
  servicePaths,
  openingServiceKey,
  writeServiceSettings,
} from './service.ts';

export type RequestEnrolment = Pick<
  Enrolment,
  | 'config'
  | 'directory'
  | 'force'
  | 'host'
  | 'noPassphrase'
  | 'now'
  | 'passphrase'
  | 'random'
  | 'revocation'
  | 'settings'
>;

export type RequestedService =
  | {
      readonly service: string;
      readonly status: 'requested' | 'unchanged';
      readonly plan: ServicePlan;
      readonly path: string;
    }
  | {
      readonly service: string;
      readonly status: 'unchanged';
      readonly plan: ServicePlan;
      readonly certificate: Certificate;
    };

/**
 * Makes key and request of a service whose authority is elsewhere; the key stays here. Nothing is made where a request as asked waits already,
 * or where the service's certificate is as asked and not due. Throws `already-exists` for a waiting key of another type.
 */
export async function requestService(
  enrolment: RequestEnrolment,
  service: string,
  anchors: readonly Certificate[],
): Promise<RequestedService> {
  const paths = servicePaths(enrolment.directory, service);
  refuseLink(paths.directory);
  await ensureDirectory(enrolment.directory, 0o755);
  return withLock(
    paths.lock,
    async () => {
      const settings = await enrolment.settings(service, await readServiceSettings(paths));
      const plan = planService(service, settings, enrolment.config, [], enrolment.host);
      publicLinksMissing(paths.directory);
      const installed = await readInstalled(paths);
      const changes = await encryptionChanges(enrolment, paths.key);
      const due = whyDue(installed, plan, { ...enrolment, trustAnchors: anchors }, enrolment.now(), changes);
      if (due.length === 0 && installed.state === 'readable') {
        await restorePublicLinks(paths.directory);
        return { service, status: 'unchanged', plan, certificate: installed.certificate };
      }
      const status = await makeRequest(enrolment, paths, plan);
      return { service, status, plan, path: paths.request };
    },
    { what: `service '${service}'` },
  );
}

async function makeRequest(
  enrolment: RequestEnrolment,
  paths: ServicePaths,
  plan: ServicePlan,
): Promise<'requested' | 'unchanged'> {
  const waiting = await readWaiting(paths);
  if (waiting !== undefined) return answerWaiting(paths, plan, waiting, enrolment);
  const { passphrase } = enrolment;
  await refuseDecryption(enrolment, plan.service, paths);
  if (!enrolment.force) await checkPassphrase(enrolment, plan.service, paths);
  checkKeyForOutputs(plan, passphrase !== undefined);
  const key = await generateKey(plan.keyType);
  const keyPem =
    passphrase === undefined
      ? encodePrivateKeyPem(key.pkcs8)
      : await encryptPrivateKeyPem(key.pkcs8, passphrase, count => enrolment.random(count));
  const request = await createRequest(plan.subject, key, plan.names);
  await allOrNothing(async undo => {
    if (statPath(paths.directory) === undefined) {
      undo(() => {
        removeEmptyDirectory(paths.directory);
      });
    }
    await ensureDirectory(paths.directory, 0o755);
    // Before the request: while that waits, service.yaml says what it asks for.
    undo(await wayBack(paths.settings));
    await writeServiceSettings(paths, plan.settings);
    await stageDirectory(paths.requestDirectory, async staging => {
      await createPrivateFile(join(staging, 'key.pem'), keyPem);
      await writeDurable(join(staging, 'csr.pem'), encodePem('CERTIFICATE REQUEST', request), { mode: 0o644 });
    });
  });
  return 'requested';
}

/** The request that waits for its certificate; undefined where none does. */
async function readWaiting(paths: ServicePaths): Promise<Request | undefined> {
  const file = await readOptional(paths.request);
  if (file === undefined) return undefined;
  return inFile(paths.request, () => checkRequest(readPem(file)[0]?.der ?? file));
}

/** A waiting key is kept: with other names it signs another request. */
async function answerWaiting(
  paths: ServicePaths,
  plan: ServicePlan,
  waiting: Request,
  enrolment: Pick<Enrolment, 'noPassphrase' | 'passphrase'>,
): Promise<'requested' | 'unchanged'> {
  const { passphrase } = enrolment;
  const found = keyTypeOf(waiting.subjectPublicKeyInfo);
  if (found !== plan.keyType) throw waitsAlready(paths, `for a key of the type ${found ?? 'unknown'}`);
  const [change] = await encryptionChanges(enrolment, paths.waitingKey);
  if (change?.code === 'key-encryption-changed') throw waitsAlready(paths, `with a key that is ${change.found}`);
  const file = await readBounded(paths.waitingKey);
  const key = await openingServiceKey(paths.waitingKey, () => openSigner(file, passphrase));
  const request = checkRequest(await createRequest(plan.subject, key, plan.names));
  await writeServiceSettings(paths, plan.settings);
  if (asksTheSame(request, waiting)) return 'unchanged';
  await replaceFile(paths.request, encodePem('CERTIFICATE REQUEST', request.der), { mode: 0o644 });
  return 'requested';
}

function waitsAlready(paths: ServicePaths, what: string): MtlsctlError {
  return new MtlsctlError('already-exists', `a request ${what} waits already`, {
    hints: [`install its certificate, or remove ${paths.requestDirectory} to begin anew`],
    details: { request: paths.request },
  });
}

/** Two requests of one key; their signatures differ each time. */
function asksTheSame(a: Request, b: Request): boolean {
  return sameOctets(a.tbs, b.tbs);
}

export interface InstalledService {
  readonly service: string;
  readonly status: 'installed' | 'unchanged';
  readonly certificate: Certificate;
  readonly plan: ServicePlan;
}

export interface ServiceInstallation extends Omit<RequestEnrolment, 'noPassphrase' | 'passphrase'> {
  /** The leaf, then the intermediates. */
  readonly file: string;
  readonly trustAnchors: readonly Certificate[];
  /** Asked only where the waiting key is encrypted. */
  passphrase(): Promise<Uint8Array>;
}

/**
 * Installs the answer to a service's request. Nothing is changed unless it is for the key that waits here (else `key-mismatch`) and a relying
 * party would take it, names and purposes as asked, not revoked (else `certificate-refused`). A trust anchor from outside is the caller's to check.
 */
export async function installService(order: ServiceInstallation, service: string): Promise<InstalledService> {
  const paths = servicePaths(order.directory, service);
  const answer = await readGiven(order.file);
  const chain = inFile(order.file, () => readCertificates(answer));
  const before = await examineAnswer(order, service, paths, chain);
  // Before the lock is taken: a person may be long in answering.
  const passphrase =
    before.key !== undefined && before.isWaiting && isEncrypted(paths.waitingKey, before.key)
      ? await order.passphrase()
      : undefined;
  const install = async (): Promise<InstalledService> =>
    installLocked(order, paths, await examineAnswer(order, service, paths, chain), passphrase);
  return withLock(paths.lock, install, { what: `service '${service}'` });
}

interface ExaminedAnswer {
  readonly plan: ServicePlan;
  readonly chain: readonly Certificate[];
  readonly certificate: Certificate;
  /** Undefined where the certificate is in force already, with all those above it that came along. */
  readonly key: Uint8Array | undefined;
  /** Whether it is that of a request, and not the one in force. */
  readonly isWaiting: boolean;
}

/** All that can be said of an answer without opening the key that it is for. */
async function examineAnswer(
  order: ServiceInstallation,
  service: string,
  paths: ServicePaths,
  chain: readonly Certificate[],
): Promise<ExaminedAnswer> {
  const stored = await readServiceSettings(paths);
  const [certificate, ...above] = chain;
  if (certificate === undefined) throw new MtlsctlError('malformed', `${order.file} holds no certificate`);
  const settings = await order.settings(service, stored);
  const plan = planService(service, settings, order.config, [...above, ...order.trustAnchors], order.host);
  const installed = await readInstalled(paths);
  const present = installed.state === 'readable' && installed.keyMatches ? installed.chain : [];
  if (sameCertificates(present, withoutRoots(chain)))
    return { plan, chain, certificate, key: undefined, isWaiting: false };
  // The answer that is in force, with others above it: an authority was certified anew.
  const inForce =
    present[0] !== undefined && sameOctets(present[0].der, certificate.der)
      ? await readService(paths.directory)
      : undefined;
  const key = inForce?.key ?? (await answeredKey(order, paths, certificate));
  const stranger = firstStranger(chain);
  const refusal =
    (stranger && strangerIn(stranger)) ??
    revocationRefusal(order, chain) ??
    consumerRefusal(plan, chain, order.trustAnchors, order.now());
  if (refusal === undefined) return { plan, chain, certificate, key, isWaiting: inForce === undefined };
  throw new MtlsctlError('certificate-refused', `the certificate in ${order.file} is refused: ${refusal}`, {
    hints: [`look at it with 'mtlsctl inspect ${order.file}'`],
  });
}

async function installLocked(
  order: ServiceInstallation,
  paths: ServicePaths,
  { plan, chain, certificate, key, isWaiting }: ExaminedAnswer,
  passphrase: Uint8Array | undefined,
): Promise<InstalledService> {
  const { service } = plan;
  if (key === undefined) {
    await restorePublicLinks(paths.directory);
    await removeAnswered(paths, certificate);
    return { service, status: 'unchanged', certificate, plan };
  }
  if (isWaiting) await refuseOtherKey(order, paths, key, certificate, passphrase);
  const deployment = { enrolment: order, paths, plan, chain: withoutRoots(chain), key: new TextDecoder().decode(key) };
  await putInForce({ ...deployment, now: order.now(), asked: plan.settings });
  if (isWaiting) {
    // The certificate is in force whatever becomes of its request, and the next run removes it too.
    attempt(() => {
      removeTree(paths.requestDirectory);
    });
  } else await removeAnswered(paths, certificate);
  return { service, status: 'installed', certificate, plan };
}

function revocationRefusal(
  { revocation, trustAnchors }: ServiceInstallation,
  chain: readonly Certificate[],
): string | undefined {
  const found = revocation([...chain, ...trustAnchors]);
  return found && `${found.subject} was revoked at ${formatInstant(found.revocationDate)} (${found.reason})`;
}

/** The request that a killed installation left: its key must not serve for the next certificate too. */
async function removeAnswered(paths: ServicePaths, certificate: Certificate): Promise<void> {
  const waiting = await readWaiting(paths);
  if (waiting === undefined) return;
  if (sameOctets(waiting.subjectPublicKeyInfo.der, certificate.subjectPublicKeyInfo.der))
    removeTree(paths.requestDirectory);
}

/** `cert.pem` holds no root. */
function withoutRoots(chain: readonly Certificate[]): readonly Certificate[] {
  return chain.filter((each, index) => index === 0 || !namesMatch(each.subject, each.issuer));
}

/** The key that waits, if it is the answer to its request that came. */
async function answeredKey(
  order: ServiceInstallation,
  paths: ServicePaths,
  certificate: Certificate,
): Promise<Uint8Array> {
  const file = await readOptional(paths.waitingKey);
  const request = await readWaiting(paths);
  if (file === undefined || request === undefined) {
    throw new MtlsctlError('not-found', `no request waits in ${paths.directory}`, {
      hints: ["make one with 'mtlsctl enroll <service> --request'"],
    });
  }
  if (sameOctets(request.subjectPublicKeyInfo.der, certificate.subjectPublicKeyInfo.der)) return file;
  throw otherKey(order, paths, `it has to be the answer to ${paths.request}`);
}

/** The request was signed by the key that waited; the file may have been exchanged since. */
async function refuseOtherKey(
  order: ServiceInstallation,
  paths: ServicePaths,
  waitingKey: Uint8Array,
  certificate: Certificate,
  passphrase: Uint8Array | undefined,
): Promise<void> {
  const key = await openingServiceKey(paths.waitingKey, () => readPrivateKey(waitingKey, passphrase));
  if (sameOctets(publicKeyOf(key).der, certificate.subjectPublicKeyInfo.der)) return;
  throw otherKey(
    order,
    paths,
    `put the key of ${paths.request} back, or remove ${paths.requestDirectory} to begin anew`,
  );
}

function otherKey({ file }: ServiceInstallation, { waitingKey }: ServicePaths, hint: string): MtlsctlError {
  return new MtlsctlError('key-mismatch', `the certificate in ${file} is for another key than ${waitingKey}`, {
    hints: [hint],
  });
}

function isEncrypted(path: string, key: Uint8Array): boolean {
  return inFile(path, () => describePrivateKeyFile(key)).encrypted;
}
