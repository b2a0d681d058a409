import { inFile, MtlsctlError } from '../errors.ts';
import {
  checkReplaceable,
  createPrivateFile,
  ensureDirectory,
  readOptional,
  replaceFile,
  writeDurable,
} from '../files.ts';
import { checkRequest, createRequest } from '../issuance/request.ts';
import { generateKey } from '../keys/software.ts';
import { withLock } from '../lock.ts';
import { lockDirectory } from '../lock-directory.ts';
import { allOrNothing, refuseOccupied, wayBack } from '../staging.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { issuerSignature } from '../x509/issuer-signature.ts';
import { sameOctets } from '../der/octets.ts';
import { encodePem, readPem } from '../x509/pem.ts';
import type { Request } from '../x509/request.ts';
import { keyTypeOf } from '../keys/key-types.ts';
import { authorityPaths, loadAuthority, stageAuthority } from './authority.ts';
import { configPath, writeFirstConfig } from './configuration.ts';
import { keyFileContent } from './create-root.ts';
import {
  differencesFrom,
  type IntermediateOrder,
  intermediatePaths,
  intermediateProfile,
  intermediateSubject,
  signIntermediate,
} from './intermediate.ts';
import type { IssuedChain, OpenAuthority } from './issue.ts';
import { encodeCertificates } from './trust.ts';

export interface WaitingRequest {
  readonly status: 'requested' | 'unchanged';
  readonly path: string;
  readonly request: Request;
}

/** The request that waits already. Undefined where there is none. Throws `already-exists` where it is for another key type, or installed. */
export async function existingRequest(order: IntermediateOrder): Promise<WaitingRequest | undefined> {
  const paths = intermediatePaths(order);
  if ((await readOptional(paths.certificate)) !== undefined) {
    throw new MtlsctlError('already-exists', `authority '${order.name}' has its certificate already`, {
      hints: [`look at it with 'mtlsctl inspect ${paths.certificate}', or choose another name`],
    });
  }
  const file = await readOptional(paths.request);
  if (file === undefined) {
    refuseOccupied(paths.directory);
    return undefined;
  }
  const request = readRequestFile(file, paths.request);
  const wanted = order.keyType ?? intermediateProfile(order).keyType;
  const found = keyTypeOf(request.subjectPublicKeyInfo);
  if (found === wanted) return { status: 'unchanged', path: paths.request, request };
  throw new MtlsctlError('already-exists', `a request for a key of the type ${found ?? 'unknown'} waits already`, {
    hints: [`install its certificate, or remove ${paths.directory} to begin anew`],
  });
}

/** Makes the key and the request of an intermediate whose issuer is elsewhere. */
export async function requestIntermediate(
  order: IntermediateOrder,
  passphrase: Uint8Array | undefined,
): Promise<WaitingRequest> {
  const key = await generateKey(order.keyType ?? intermediateProfile(order).keyType);
  const keyPem = await keyFileContent(key, passphrase, count => order.random(count));
  const request = await createRequest(intermediateSubject(order), key);
  await ensureDirectory(order.directory, 0o755);
  return withLock(lockDirectory(order.directory, 'pki'), () =>
    allOrNothing(async undo => {
      const existing = await existingRequest(order);
      if (existing !== undefined) return existing;
      undo(await wayBack(configPath(order.directory)));
      await writeFirstConfig(order.directory, { trustDomain: order.config.trustDomain });
      await stageAuthority(order.directory, order.name, async staging => {
        const paths = authorityPaths(staging);
        await createPrivateFile(paths.key, keyPem);
        await writeDurable(paths.request, encodePem('CERTIFICATE REQUEST', request), { mode: 0o644 });
      });
      return { status: 'requested', path: intermediatePaths(order).request, request: checkRequest(request) };
    }),
  );
}

const requestLabels: ReadonlySet<string> = new Set(['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']);

/**
 * Reads a request, PEM or DER, and checks its proof of possession. Throws `malformed`, `request-signature-invalid`, `policy-refused`.
 */
export function readRequestFile(file: Uint8Array, path: string): Request {
  const blocks = inFile(path, () => readPem(file));
  const requests = blocks.filter(block => requestLabels.has(block.label));
  const [first] = requests;
  if (blocks.length > 0 && (first === undefined || requests.length > 1)) {
    throw new MtlsctlError('malformed', `${path} holds ${requests.length} certification requests instead of one`, {
      hints: [`run 'mtlsctl inspect ${path}'`],
    });
  }
  return inFile(path, () => checkRequest(first?.der ?? file));
}

/**
 * What `out` holds already, if it is the answer to this request, signed here and as it is asked for now. Undefined where there is no such file.
 * Throws `already-exists` where it holds something else, with what differs.
 */
export async function existingAnswer(
  order: IntermediateOrder,
  request: Request,
  out: string,
): Promise<Certificate | undefined> {
  const file = await readOptional(out);
  if (file === undefined) return undefined;
  const [certificate] = inFile(out, () =>
    readPem(file).some(block => block.label === 'CERTIFICATE') ? readCertificates(file) : [],
  );
  const { certificate: issuer } = await loadAuthority(order.directory, order.issuer);
  const answers =
    certificate !== undefined &&
    sameOctets(certificate.subjectPublicKeyInfo.der, request.subjectPublicKeyInfo.der) &&
    issuerSignature(certificate, issuer.subjectPublicKeyInfo) === 'valid';
  if (!answers) throw noAnswer(out, 'is not the answer to this request', []);
  const keyType = keyTypeOf(request.subjectPublicKeyInfo);
  const differences = await differencesFrom({ ...order, keyType }, certificate);
  if (differences.length === 0) return certificate;
  throw noAnswer(out, `answers this request otherwise than asked now: ${differences.join(', ')}`, differences);
}

function noAnswer(out: string, what: string, differences: readonly string[]): MtlsctlError {
  return new MtlsctlError('already-exists', `${out} exists, and ${what}`, {
    hints: [
      'name another file with --out',
      ...(differences.length > 0 ? [`look at it with 'mtlsctl inspect ${out}'`] : []),
    ],
    details: { out, differences },
  });
}

/** Signs the request of an intermediate: its public key, with the names that profile and flags have, never those of the request. */
export async function signRequest(
  order: IntermediateOrder,
  issuer: OpenAuthority,
  request: Request,
  out: string,
): Promise<IssuedChain> {
  // An authority that signs for a file that can't be written has signed for nothing.
  checkReplaceable(out);
  const issued = await signIntermediate(order, issuer, request.subjectPublicKeyInfo);
  await replaceFile(out, encodeCertificates(issued.chain), { mode: 0o644 });
  return issued;
}
