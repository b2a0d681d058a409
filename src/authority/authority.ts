import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inFile, MtlsctlError, systemErrorCode } from '../errors.ts';
import { ensureDirectory, readBounded, readOptional } from '../files.ts';
import { openSigner } from '../keys/open.ts';
import { describePrivateKeyFile, openingKey } from '../keys/private-key.ts';
import type { Signer } from '../keys/signer.ts';
import { lockDirectory } from '../lock-directory.ts';
import { stageDirectory } from '../staging.ts';
import { type Certificate, readCertificates } from '../x509/certificate.ts';
import { namesMatch } from '../x509/name.ts';
import { sameOctets } from '../der/octets.ts';

/** The files of one authority (DESIGN.md, "What lies on disk"). */
export interface AuthorityPaths {
  readonly directory: string;
  readonly certificate: string;
  /** What follows a leaf in its `cert.pem`: this authority's certificate, then those above it, without the root. */
  readonly chain: string;
  readonly key: string;
  readonly request: string;
  readonly crlPem: string;
  readonly crlDer: string;
  /** What has changed since the complete CRL (RFC 5280, 5.2.4), where one was asked for. */
  readonly deltaPem: string;
  readonly deltaDer: string;
  readonly ledger: string;
}

/** One CA on disk. */
export interface Authority {
  readonly name: string;
  readonly paths: AuthorityPaths;
  readonly certificate: Certificate;
  /** Empty for a root. */
  readonly chain: readonly Certificate[];
  readonly isRoot: boolean;
}

export type KeyState = 'absent' | 'encrypted' | 'unencrypted';

export function authoritiesDirectory(directory: string): string {
  return join(directory, 'authorities');
}

/** The lock of one authority's ledger. */
export function authorityLock(directory: string, name: string): string {
  return lockDirectory(directory, `authority.${name}`);
}

export function authorityPaths(authorityDirectory: string): AuthorityPaths {
  const at = (file: string): string => join(authorityDirectory, file);
  return {
    directory: authorityDirectory,
    certificate: at('cert.pem'),
    chain: at('chain.pem'),
    key: at('key.pem'),
    request: at('csr.pem'),
    crlPem: at('crl.pem'),
    crlDer: at('crl.der'),
    deltaPem: at('delta.pem'),
    deltaDer: at('delta.der'),
    ledger: at('ledger.jsonl'),
  };
}

/** The names of all authorities here, installed or waiting for their certificate, sorted. */
export async function authorityNames(directory: string): Promise<readonly string[]> {
  try {
    const entries = await readdir(authoritiesDirectory(directory), { withFileTypes: true });
    return entries
      .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(entry => entry.name)
      .sort();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return [];
    throw new MtlsctlError(
      'unreadable',
      `cannot list ${authoritiesDirectory(directory)} (${code ?? 'unknown error'})`,
      {
        cause: error,
      },
    );
  }
}

/**
 * Reads one authority. Throws `authority-missing` where there is none of that name or where its certificate has not been
 * installed yet, `malformed` where its files are damaged.
 */
export async function loadAuthority(directory: string, name: string): Promise<Authority> {
  const paths = authorityPaths(join(authoritiesDirectory(directory), name));
  const file = await readOptional(paths.certificate);
  if (file === undefined) throw await missing(directory, name, paths);
  const certificate = onlyCertificate(file, paths.certificate);
  const isRoot = namesMatch(certificate.subject, certificate.issuer);
  const chain = isRoot ? [] : await readChain(paths.chain);
  if (!isRoot && !(chain[0] !== undefined && sameOctets(chain[0].der, certificate.der))) {
    throw otherChain(paths, name);
  }
  return { name, paths, certificate, chain, isRoot };
}

/** Either may be the one that was exchanged. */
function otherChain({ certificate, chain }: AuthorityPaths, name: string): MtlsctlError {
  const message = `${certificate} and ${chain} do not belong together: the chain of authority '${name}' has to begin with its certificate`;
  return new MtlsctlError('malformed', message, {
    hints: [`run 'mtlsctl inspect --short ${certificate} ${chain}' to see which of them was exchanged`],
    details: { file: certificate, chain },
  });
}

/** All authorities here but those that wait for their certificate. Throws `malformed`, `unreadable`. */
export async function installedAuthorities(directory: string): Promise<readonly Authority[]> {
  const authorities: Authority[] = [];
  for (const name of await authorityNames(directory)) {
    const paths = authorityPaths(join(authoritiesDirectory(directory), name));
    if ((await readOptional(paths.certificate)) !== undefined) authorities.push(await loadAuthority(directory, name));
  }
  return authorities;
}

async function readChain(path: string): Promise<readonly Certificate[]> {
  const file = await readBounded(path);
  return inFile(path, () => readCertificates(file));
}

function onlyCertificate(file: Uint8Array, path: string): Certificate {
  const certificates = inFile(path, () => readCertificates(file));
  const [certificate] = certificates;
  if (certificate === undefined || certificates.length > 1) {
    throw new MtlsctlError('malformed', `${path} holds ${certificates.length} certificates instead of one`, {
      hints: [`run 'mtlsctl inspect --short ${path}'`],
      details: { file: path },
    });
  }
  return certificate;
}

async function missing(directory: string, name: string, paths: AuthorityPaths): Promise<MtlsctlError> {
  if ((await readOptional(paths.request)) !== undefined) {
    return new MtlsctlError('authority-missing', `authority '${name}' is still waiting for its certificate`, {
      hints: [`have ${paths.request} signed, then run 'mtlsctl issue-intermediate ${name} --install <file>'`],
    });
  }
  const known = await authorityNames(directory);
  if (known.includes(name)) return withoutCertificate(name, paths);
  const hint =
    known.length === 0
      ? "create a root with 'mtlsctl init-root', then an intermediate with 'mtlsctl issue-intermediate <name>'"
      : `the authorities here are: ${known.join(', ')}`;
  return new MtlsctlError('authority-missing', `there is no authority '${name}' in ${directory}`, { hints: [hint] });
}

/** Its directory is here. The chain of an intermediate begins with its certificate. */
async function withoutCertificate(name: string, paths: AuthorityPaths): Promise<MtlsctlError> {
  const hasChain = (await readOptional(paths.chain)) !== undefined;
  const hint = hasChain
    ? `openssl x509 -in ${paths.chain} -out ${paths.certificate}`
    : `restore ${paths.certificate} from a copy`;
  return new MtlsctlError(
    'authority-missing',
    `the certificate of authority '${name}' is missing: ${paths.certificate}`,
    {
      hints: [hint],
      details: { file: paths.certificate },
    },
  );
}

/** Whether the authority's key is here, and whether it wants a passphrase. Throws `key-malformed`. */
export async function keyState(paths: AuthorityPaths): Promise<KeyState> {
  const file = await readOptional(paths.key);
  if (file === undefined) return 'absent';
  return inFile(paths.key, () => describePrivateKeyFile(file)).encrypted ? 'encrypted' : 'unencrypted';
}

/**
 * Opens the authority's key, asking for its passphrase only where there is need of one.
 * Throws `key-missing`, `key-mismatch` where the key is not that of the certificate, `passphrase-wrong`, `passphrase-missing`.
 */
export async function openAuthorityKey(authority: Authority, passphrase: () => Promise<Uint8Array>): Promise<Signer> {
  const file = await readOptional(authority.paths.key);
  if (file === undefined) {
    throw new MtlsctlError('key-missing', `the key of authority '${authority.name}' is not here`, {
      hints: ["sign where the key is, with '--csr <file> --out <file>'"],
    });
  }
  const { encrypted } = inFile(authority.paths.key, () => describePrivateKeyFile(file));
  const given = encrypted ? await passphrase() : undefined;
  // Every command that opens an authority's key takes its passphrase by the same flag (CLI.md, "Everywhere").
  const title = `the key of authority '${authority.name}' in ${authority.paths.key}`;
  const keyFile = { path: authority.paths.key, flag: '--ca-passphrase-file', title } as const;
  const signer = await openingKey(keyFile, () => openSigner(file, given));
  if (!sameOctets(signer.publicKey.der, authority.certificate.subjectPublicKeyInfo.der)) {
    throw new MtlsctlError('key-mismatch', `${authority.paths.key} is not the key of ${authority.paths.certificate}`, {
      hints: [`compare 'mtlsctl inspect ${authority.paths.key}' with 'mtlsctl inspect ${authority.paths.certificate}'`],
    });
  }
  return signer;
}

/** The public keys of all authorities known here, trust anchors included, for the rule that none is shared. */
export async function authorityPublicKeys(
  directory: string,
): Promise<readonly { name: string; publicKey: Uint8Array }[]> {
  const keys: { name: string; publicKey: Uint8Array }[] = [];
  for (const name of await authorityNames(directory)) {
    const path = authorityPaths(join(authoritiesDirectory(directory), name)).certificate;
    const file = await readOptional(path);
    const [certificate] = file === undefined ? [] : inFile(path, () => readCertificates(file));
    if (certificate !== undefined) keys.push({ name, publicKey: certificate.subjectPublicKeyInfo.der });
  }
  return keys;
}

/** Makes an authority's directory as a whole, or not at all. Callers hold the lock of the PKI directory. */
export async function stageAuthority<T>(
  directory: string,
  name: string,
  fill: (staging: string) => Promise<T>,
): Promise<T> {
  await ensureDirectory(directory, 0o755);
  await ensureDirectory(authoritiesDirectory(directory), 0o755);
  return stageDirectory(join(authoritiesDirectory(directory), name), fill);
}
