import { MtlsctlError } from '../errors.ts';
import { cryptoFor } from '../keys/provider.ts';
import type { Signer } from '../keys/signer.ts';
import { parseRequest, type Request } from '../x509/request.ts';
import { verifySignature } from '../x509/signature.ts';
import { hasNames, subjectAltNameExtension } from './extensions.ts';
import { checkPublicKey } from './public-key.ts';
import { noSubjectNames, type SubjectNames } from './names.ts';
import { loadX509, rawExtension, rawName } from './package.ts';

/** A PKCS#10 request (RFC 2986) signed with the key that it is for. The names are for the signer's eyes: profile and flags decide there. */
export async function createRequest(
  subject: Uint8Array,
  key: Signer,
  names: SubjectNames = noSubjectNames,
): Promise<Uint8Array> {
  const x509 = await loadX509();
  const { crypto, signingKey, publicKey, signingAlgorithm } = await cryptoFor(key);
  const request = await x509.Pkcs10CertificateRequestGenerator.create(
    {
      // The package takes a Name here as well, though its type says otherwise.
      name: rawName(x509, subject),
      keys: { privateKey: signingKey, publicKey } as never,
      signingAlgorithm: signingAlgorithm as never,
      extensions: hasNames(names) ? [rawExtension(subjectAltNameExtension(names, false).der)] : [],
    },
    crypto,
  );
  const der = new Uint8Array(request.rawData);
  checkRequest(der);
  return der;
}

/**
 * Reads a request and checks the proof that its sender has the key. Throws `malformed`, `policy-refused` for a key that is too weak or of a type
 * that is not ours, `request-signature-invalid`.
 */
export function checkRequest(der: Uint8Array): Request {
  const request = parseRequest(der);
  checkPublicKey(request.subjectPublicKeyInfo);
  const outcome = verifySignature(
    request.signatureAlgorithm,
    request.subjectPublicKeyInfo,
    request.tbs,
    request.signature,
  );
  if (outcome === 'valid') return request;
  throw new MtlsctlError(
    'request-signature-invalid',
    outcome === 'invalid'
      ? "the request's signature does not verify with the key in it: it was altered, or its sender does not have the key"
      : "the request's signature is of an algorithm that is not accepted",
  );
}
