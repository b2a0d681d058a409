import { join } from 'node:path';
import { authoritiesDirectory, authorityNames, authorityPaths } from '../authority/authority.ts';
import { readOptionalTrustAnchors, readPublishedCrls, trustAnchorsPath } from '../authority/trust.ts';
import { inFile, isMtlsctlError, MtlsctlError } from '../errors.ts';
import { refuseLink } from '../deployment/service.ts';
import { serviceDirectories } from '../deployment/services.ts';
import { statPath } from '../file-operations.ts';
import { readBounded, readGiven } from '../files.ts';
import { publicKeyOf, readPrivateKey } from '../keys/private-key.ts';
import { parseServiceName } from '../options.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { type Crl, readCrls } from '../x509/crl.ts';
import { sameOctets } from '../der/octets.ts';

/** A CRL of a large fleet has some 40 MB for a million entries. */
const crlLimit = 128 * 1024 * 1024;

/** A leaf to verify with what came along in its file. */
export interface Target {
  /** As the user named it. */
  readonly name: string;
  readonly leaf: Certificate;
  readonly untrusted: readonly Certificate[];
  /** The private key's file that belongs to it, where there is one to check. */
  readonly key: string | undefined;
}

/** What all targets of one run are judged against. */
export interface Trust {
  readonly anchors: readonly Certificate[];
  /** Undefined where there is none to check against; an empty list refuses all. */
  readonly crls: readonly Crl[] | undefined;
  /** Whether crl.pem is missing or empty in a PKI directory that publishes CRLs. */
  readonly areCrlsLost?: boolean;
}

export interface TrustFiles {
  readonly trust: string | undefined;
  readonly crls: readonly string[];
}

/**
 * Reads the trust anchors and CRLs: those given, else those of the PKI directory. Never the system's.
 * Throws `not-found`, `unreadable`, `malformed` (exit status 3).
 */
export async function readTrust(directory: string, files: TrustFiles): Promise<Trust> {
  const anchors = await readAnchors(directory, files.trust);
  if (files.crls.length > 0) {
    const crls: Crl[] = [];
    for (const path of files.crls) {
      const file = await readGiven(path, crlLimit);
      crls.push(...inFile(path, () => readCrls(file)));
    }
    return { anchors, crls };
  }
  if (files.trust !== undefined) return { anchors, crls: undefined };
  const published = await readPublishedCrls(directory);
  if (published.length > 0) return { anchors, crls: published };
  return { anchors, crls: undefined, areCrlsLost: await publishesCrls(directory) };
}

/** Whoever issues also publishes a CRL, from the first moment on. */
async function publishesCrls(directory: string): Promise<boolean> {
  const names = await authorityNames(directory);
  return names.some(name => {
    const { ledger } = authorityPaths(join(authoritiesDirectory(directory), name));
    return statPath(ledger) !== undefined;
  });
}

async function readAnchors(directory: string, path: string | undefined): Promise<readonly Certificate[]> {
  if (path !== undefined) return readCertificateFile(path);
  const anchors = await readOptionalTrustAnchors(directory);
  if (anchors.length > 0) return anchors;
  throw new MtlsctlError('not-found', `there is no trust anchor: ${trustAnchorsPath(directory)} is missing`, {
    hints: ['name the file of trust anchors with --trust <file>, or the PKI directory with --dir <path>'],
  });
}

/**
 * The certificates of a file, at least one; of one that was given on the command line, unless `read` says otherwise.
 * Throws `not-found`, `unreadable`, `malformed` naming the file.
 */
export async function readCertificateFile(path: string, read = readGiven): Promise<readonly Certificate[]> {
  const file = await read(path);
  return inFile(path, () => readCertificates(file));
}

/** A service of the PKI directory, or else a file. The leaf comes first in it, what follows may serve as intermediates. */
export async function readTarget(directory: string, name: string): Promise<Target> {
  if (isServiceName(name)) refuseLink(join(directory, name));
  if (isService(directory, name)) {
    const path = join(directory, name, 'cert.pem');
    const certificates = await hinted("run 'mtlsctl status' to see how it is", () =>
      readCertificateFile(path, readBounded),
    );
    return { ...target(name, certificates), key: join(directory, name, 'key.pem') };
  }
  const hint = name === '-' ? 'name standard input /dev/stdin' : undefined;
  return target(name, await hinted(hint, () => readCertificateFile(name)));
}

/** What to do about a file that is missing, where that is more than to look for it. */
async function hinted<T>(hint: string | undefined, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (hint === undefined || !isMtlsctlError(error, 'not-found')) throw error;
    throw new MtlsctlError('not-found', error.message, { hints: [hint], details: error.details, cause: error });
  }
}

function target(name: string, certificates: readonly Certificate[]): Target {
  const [leaf, ...untrusted] = certificates;
  if (leaf === undefined) throw new MtlsctlError('malformed', `${name} holds no certificate`);
  return { name, leaf, untrusted, key: undefined };
}

/** All services of a PKI directory, sorted; a link too, of which readTarget() says what is wrong. Throws `not-found`, `unreadable`. */
export function serviceNames(directory: string): Promise<readonly string[]> {
  return hinted('name the PKI directory with --dir <path>', () =>
    Promise.resolve(serviceDirectories(directory).map(({ name }) => name)),
  );
}

/** Whether a target is named as a service of the PKI directory. */
export function isService(directory: string, name: string): boolean {
  return isServiceName(name) && statPath(join(directory, name))?.isDirectory() === true;
}

function isServiceName(text: string): boolean {
  try {
    parseServiceName(text);
    return true;
  } catch (error) {
    if (isMtlsctlError(error, 'bad-value')) return false;
    throw error;
  }
}

/** Whether a key's file holds the private key of a certificate. Throws `not-found`, `key-malformed`, `passphrase-missing` … naming the file. */
export async function keyMatches(path: string, leaf: Certificate, read = readGiven): Promise<boolean> {
  const file = await read(path);
  try {
    const key = await readPrivateKey(file, undefined);
    return sameOctets(publicKeyOf(key).der, leaf.subjectPublicKeyInfo.der);
  } catch (error) {
    if (!isMtlsctlError(error)) throw error;
    throw keyFailure(path, error);
  }
}

/** This command takes no passphrase: what it checks needs none but the key's own. */
function keyFailure(path: string, error: MtlsctlError): MtlsctlError {
  const options = { details: { ...error.details, file: path }, cause: error };
  if (error.code !== 'passphrase-missing')
    return new MtlsctlError(error.code, `${path}: ${error.message}`, {
      hints: [`run 'mtlsctl inspect ${path}'`],
      ...options,
    });
  const hints = [
    `name a decrypted copy: openssl pkey -in ${path} -out <file>`,
    'leave out --key to verify the chain alone',
  ];
  return new MtlsctlError('passphrase-missing', `the private key in ${path} is encrypted, and can't be compared`, {
    hints,
    ...options,
  });
}
