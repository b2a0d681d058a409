import type { Config } from '../config.ts';
import { inFile, isMtlsctlError, MtlsctlError } from '../errors.ts';
import { readGiven, readOptional, replaceFile } from '../files.ts';
import { attempt, removeFile } from '../file-operations.ts';
import type { Signer } from '../keys/signer.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import { formatInstant } from '../options.ts';
import { allOrNothing, wayBack } from '../staging.ts';
import { explain } from '../path/explain.ts';
import { verifyChain } from '../path/verify.ts';
import { type Certificate, fingerprint, readCertificates } from '../x509/certificate.ts';
import { type Crl, findRevoked, readCrls } from '../x509/crl.ts';
import { basicConstraints, keyUsage, KeyUsage } from '../x509/extensions.ts';
import { firstStranger, strangerIn } from '../x509/chain.ts';
import { formatName, namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';
import { encodePem } from '../x509/pem.ts';
import { verifySignature } from '../x509/signature.ts';
import { type Authority, openAuthorityKey } from './authority.ts';
import { publishCrl, withCrlLock } from './crl.ts';
import { crlPointsOf } from './crl-settings.ts';
import { completePublication, crlValidity, intermediatePaths } from './intermediate.ts';
import { readRequestFile } from './intermediate-request.ts';
import { createdEvent, openLedger } from './issue.ts';
import type { Ledger } from './ledger.ts';
import { isPublished, isSignedBy, mergePublishedCrl } from './published-crls.ts';
import {
  addTrustAnchor,
  crlLimit,
  crlsPath,
  encodeCertificates,
  readOptionalTrustAnchors,
  readPublishedCrls,
  trustAnchorsPath,
} from './trust.ts';

/** A root to trust from now on. */
export interface NamedRoot {
  readonly file: string;
  /** Its SHA-256 as it was read aloud. */
  readonly fingerprint: string | undefined;
  /** Gets it from a person, where it is not given and needed. Never from the file: that is what it vouches for. */
  readonly askFingerprint?: (refusal: MtlsctlError) => Promise<string>;
}

export interface InstallOrder {
  readonly directory: string;
  readonly name: string;
  readonly config: Config;
  /** The certificate, then those above it, if there are any besides the root. */
  readonly file: string;
  readonly root: NamedRoot | undefined;
  /** The root's CRL, brought along. */
  readonly crl: string | undefined;
  readonly now: number;
}

export interface InstalledIntermediate {
  readonly status: 'installed' | 'unchanged';
  readonly certificate: Certificate;
  readonly root: Certificate;
}

/**
 * Installs the certificate of an authority whose request was signed elsewhere. Nothing is changed unless it is for the key that waits here
 * (else `key-mismatch`) and chains to a root that is trusted here or whose fingerprint is given (else `unknown-root`, `certificate-refused`).
 * `passphrase` is asked where the waiting key is encrypted: no other key than the certificate's is installed, and that signs the first CRL.
 */
export async function installIntermediate(
  order: InstallOrder,
  passphrase: () => Promise<Uint8Array>,
): Promise<InstalledIntermediate> {
  const chain = await readAnswer(order.file);
  const certificate = chain[0];
  if (certificate === undefined) throw new MtlsctlError('malformed', `${order.file} holds no certificate`);
  const root = await rootToTrust(order, chain);
  const crl = order.crl === undefined ? undefined : await readRootCrl(order.crl, root);
  const unchanged = { status: 'unchanged', certificate, root } as const;
  if (await isInstalled(order, certificate)) {
    await tidyUp(order, crl, root);
    return { ...unchanged, status: await completeCrl(order, chain, root, passphrase) };
  }
  await checkPair(order, certificate);
  checkChain(order, chain, root);
  await refuseRevoked(order, chain, { root, crl });
  const authority = arriving(order, chain, root);
  const signer = await openWaitingKey(order, authority, passphrase);
  return withLock(lockDirectory(order.directory, 'pki'), async () => {
    if (await isInstalled(order, certificate)) return unchanged;
    // Another root may have become the trusted one while there was no lock.
    await rootToTrust(order, chain);
    await putInPlace(order, authority, { root, crl, signer });
    return { status: 'installed', certificate, root };
  });
}

/** What remains where the command was killed at its very end, and a CRL of the root that came along this time. */
async function tidyUp(order: InstallOrder, crl: Crl | undefined, root: Certificate): Promise<void> {
  removeFile(intermediatePaths(order).request);
  if (crl === undefined || (await isPublished(order.directory, crl, root))) return;
  await withLock(lockDirectory(order.directory, 'pki'), () => mergePublishedCrl(order.directory, crl, root));
}

/** Signs the first CRL where it is still to be signed: an authority with an encrypted key could once be installed without its passphrase. */
async function completeCrl(
  order: InstallOrder,
  chain: readonly Certificate[],
  root: Certificate,
  passphrase: () => Promise<Uint8Array>,
): Promise<'installed' | 'unchanged'> {
  const { directory, name, now } = order;
  const authority = arriving(order, chain, root);
  const { certificate, paths } = authority;
  const ledger = openLedger(directory, authority);
  const isSigned = async (): Promise<boolean> => (await ledger.read(new Set(['crl-published']))).entries.length > 0;
  if (await isSigned()) {
    await completePublication(order, certificate);
    return 'unchanged';
  }
  const signer = await openAuthorityKey(authority, passphrase);
  const points = crlPointsOf(order.config, name);
  return withCrlLock(directory, name, async () => {
    if (await isSigned()) return 'unchanged';
    const published = await publishCrl({
      certificate,
      paths,
      ledger,
      signer,
      now,
      validity: crlValidity(order),
      points,
    });
    await withLock(lockDirectory(directory, 'pki'), () => mergePublishedCrl(directory, published.crl, certificate));
    return 'installed';
  });
}

/** A certificate that no longer parses was altered on its way: that is a refusal (exit status 4), not an unreadable file. */
async function readAnswer(path: string): Promise<readonly Certificate[]> {
  const file = await readGiven(path);
  return inFile(path, () => {
    try {
      return readCertificates(file);
    } catch (error) {
      if (!isMtlsctlError(error, 'malformed') || error.details['offset'] === undefined) throw error;
      throw refused(path, `it does not parse (${error.message}): it was altered or damaged`);
    }
  });
}

function refused(path: string, why: string): MtlsctlError {
  return new MtlsctlError('certificate-refused', `the certificate in ${path} is refused: ${why}`, {
    hints: [`look at it with 'mtlsctl inspect ${path}', and have the request signed again`],
    details: { file: path },
  });
}

async function rootToTrust(order: InstallOrder, chain: readonly Certificate[]): Promise<Certificate> {
  const anchors = await readOptionalTrustAnchors(order.directory);
  if (order.root !== undefined) return namedRoot(order.directory, order.root, anchors);
  const topmost = chain.at(-1);
  const root =
    anchors.find(anchor => topmost !== undefined && namesMatch(anchor.subject, topmost.issuer)) ?? anchors[0];
  if (root !== undefined) return root;
  throw new MtlsctlError('not-found', `there is no trust anchor yet: ${trustAnchorsPath(order.directory)} is missing`, {
    hints: ['bring the root along: add --root <file> --fingerprint <sha256>'],
  });
}

/**
 * The root of a file that is to be trusted from now on: known here already, or vouched for by its fingerprint.
 * Throws `usage` where there is no fingerprint, `unknown-root` where it differs or another root is trusted here.
 */
export async function namedRoot(
  directory: string,
  { file, fingerprint: given, askFingerprint }: NamedRoot,
  anchors: readonly Certificate[],
): Promise<Certificate> {
  const roots = await readAnswer(file);
  const root = roots.find(each => namesMatch(each.subject, each.issuer));
  if (root === undefined) throw new MtlsctlError('unknown-root', `${file} holds no root certificate`);
  const found = fingerprint(root.der);
  if (anchors.some(anchor => sameOctets(anchor.der, root.der))) return root;
  const expected = given ?? (await askFingerprint?.(withoutFingerprint()));
  if (expected === undefined) throw withoutFingerprint();
  if (found !== expected) {
    throw new MtlsctlError('unknown-root', `the root in ${file} has the fingerprint ${found}, not the one given`, {
      hints: ['compare it with what the offline machine prints: mtlsctl inspect --short ca.pem'],
      details: { found, expected },
    });
  }
  if (anchors.length === 0) return root;
  throw new MtlsctlError('unknown-root', `${trustAnchorsPath(directory)} has another root already`, {
    hints: ['give another --dir: one PKI directory has one root'],
  });
}

function withoutFingerprint(): MtlsctlError {
  return new MtlsctlError('usage', '--root is given without --fingerprint', {
    hints: ["read the root's SHA-256 fingerprint aloud from the offline machine and add --fingerprint <sha256>"],
  });
}

async function isInstalled(order: InstallOrder, certificate: Certificate): Promise<boolean> {
  const installed = await readOptional(intermediatePaths(order).certificate);
  if (installed === undefined) return false;
  const [present] = inFile(intermediatePaths(order).certificate, () => readCertificates(installed));
  if (present !== undefined && sameOctets(present.der, certificate.der)) return true;
  throw new MtlsctlError('already-exists', `authority '${order.name}' has another certificate already`, {
    hints: [`compare 'mtlsctl inspect ${order.file}' with 'mtlsctl inspect ${intermediatePaths(order).certificate}'`],
  });
}

async function checkPair(order: InstallOrder, certificate: Certificate): Promise<void> {
  const paths = intermediatePaths(order);
  const file = await readOptional(paths.request);
  if (file === undefined) {
    throw new MtlsctlError('not-found', `no request of authority '${order.name}' waits for a certificate`, {
      hints: [`make one with 'mtlsctl issue-intermediate ${order.name} --request'`],
    });
  }
  const request = readRequestFile(file, paths.request);
  if (sameOctets(request.subjectPublicKeyInfo.der, certificate.subjectPublicKeyInfo.der)) return;
  throw otherKey(order.file, paths.key, `it has to be the answer to ${paths.request}`);
}

function otherKey(file: string, key: string, hint: string): MtlsctlError {
  return new MtlsctlError('key-mismatch', `the certificate in ${file} is for another key than ${key}`, {
    hints: [hint],
  });
}

function checkChain(order: InstallOrder, chain: readonly Certificate[], root: Certificate): void {
  const [certificate, ...above] = chain;
  if (certificate === undefined) return;
  const verdict = verifyChain({
    leaf: certificate,
    trustAnchors: [root],
    intermediates: above,
    at: order.now,
    purpose: 'any',
    profile: 'rfc5280',
    strict: false,
  });
  const [first] = verdict.reasons;
  if (!verdict.valid) throw refused(order.file, first === undefined ? 'no chain' : explain(first).message);
  // What is installed is what is sent to every peer.
  const stranger = firstStranger(chain);
  if (stranger !== undefined) throw refused(order.file, strangerIn(stranger));
  const mayCertify = (keyUsage(certificate) ?? 0) & KeyUsage.keyCertSign;
  if (basicConstraints(certificate)?.ca !== true || mayCertify === 0)
    throw refused(order.file, 'it is not that of a CA');
}

/** By the CRL that came along, and those that are published here; of an issuer's the newest counts (RFC 5280, 5.2.3). */
async function refuseRevoked(
  { directory, file }: InstallOrder,
  chain: readonly Certificate[],
  { root, crl }: { readonly root: Certificate; readonly crl: Crl | undefined },
): Promise<void> {
  const crls = [...(crl === undefined ? [] : [crl]), ...(await readPublishedCrls(directory))].toSorted(
    (a, b) => b.thisUpdate - a.thisUpdate,
  );
  for (const [index, certificate] of chain.entries()) {
    const issuer = chain[index + 1] ?? root;
    const newest = crls.find(each => isSignedBy(each, issuer));
    const entry = newest && findRevoked(newest, certificate.serialNumber, certificate.issuer);
    if (entry === undefined) continue;
    const since = formatInstant(entry.revocationDate);
    throw refused(file, `${formatName(certificate.subject)} was revoked at ${since}`);
  }
}

async function readRootCrl(path: string, root: Certificate): Promise<Crl> {
  const file = await readGiven(path, crlLimit);
  const crl = inFile(path, () => readCrls(file)).find(each => namesMatch(each.issuer, root.subject));
  if (crl === undefined) throw new MtlsctlError('certificate-refused', `${path} holds no CRL of the root`);
  if (verifySignature(crl.signatureAlgorithm, root.subjectPublicKeyInfo, crl.tbs, crl.signature) === 'valid')
    return crl;
  throw new MtlsctlError('certificate-refused', `the CRL in ${path} is not signed by the root`);
}

/** The authority that is about to be installed. */
function arriving(order: InstallOrder, chain: readonly Certificate[], root: Certificate): Authority {
  const [certificate] = chain;
  if (certificate === undefined) throw new MtlsctlError('malformed', `${order.file} holds no certificate`);
  const withoutRoot = chain.filter(each => !sameOctets(each.der, root.der));
  return { name: order.name, paths: intermediatePaths(order), certificate, chain: withoutRoot, isRoot: false };
}

/** Opens the waiting key before anything is changed: a wrong passphrase, or a key that is not the certificate's, changes nothing. */
async function openWaitingKey(
  { file }: InstallOrder,
  authority: Authority,
  passphrase: () => Promise<Uint8Array>,
): Promise<Signer> {
  try {
    return await openAuthorityKey(authority, passphrase);
  } catch (error) {
    if (!isMtlsctlError(error, 'key-mismatch')) throw error;
    // There is no cert.pem yet to compare it with.
    const { key, request, directory } = authority.paths;
    throw otherKey(file, key, `put the key of ${request} back, or remove ${directory} to begin anew`);
  }
}

interface Arrival {
  readonly root: Certificate;
  readonly crl: Crl | undefined;
  readonly signer: Signer;
}

/** `cert.pem` comes last: it is what makes the authority exist. Where a step fails all are taken back. */
async function putInPlace(order: InstallOrder, authority: Authority, { root, crl, signer }: Arrival): Promise<void> {
  const { directory, now } = order;
  const { certificate, chain, paths } = authority;
  await allOrNothing(async undo => {
    for (const path of [paths.chain, paths.ledger, paths.crlPem, paths.crlDer]) undo(await wayBack(path));
    for (const path of [crlsPath(directory), trustAnchorsPath(directory), paths.certificate]) undo(await wayBack(path));
    await replaceFile(paths.chain, encodeCertificates(chain), { mode: 0o644 });
    const ledger = openLedger(directory, authority);
    await recordCreation(ledger, certificate, now);
    const points = crlPointsOf(order.config, order.name);
    const validity = crlValidity(order);
    const published = await publishCrl({ certificate, paths, ledger, signer, now, validity, points });
    await mergePublishedCrl(directory, published.crl, certificate);
    if (crl !== undefined) await mergePublishedCrl(directory, crl, root);
    await addTrustAnchor(directory, root);
    await replaceFile(paths.certificate, encodePem('CERTIFICATE', certificate.der), { mode: 0o644 });
  });
  // The authority is there whatever becomes of its request, and the next run removes it too.
  attempt(() => removeFile(paths.request));
}

/** Where an installation was interrupted the ledger has begun already, perhaps with another answer to the same request. */
async function recordCreation(ledger: Ledger, certificate: Certificate, now: number): Promise<void> {
  const { event, ...facts } = createdEvent(certificate);
  const known = (await readOptional(ledger.path)) === undefined ? [] : (await ledger.read(new Set([event]))).entries;
  const isKnown = known.some(entry => entry.event === event && entry.certificate === facts.certificate);
  if (!isKnown) await ledger.append([{ event, ...facts }], now);
}
