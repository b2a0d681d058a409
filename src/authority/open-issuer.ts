import type { AuthorityNaming } from '../config/service-file.ts';
import { MtlsctlError } from '../errors.ts';
import { parseCertificate } from '../x509/certificate.ts';
import {
  type Authority,
  authorityNames,
  authorityPublicKeys,
  keyState,
  loadAuthority,
  openAuthorityKey,
} from './authority.ts';
import { type OpenAuthority, openLedger } from './issue.ts';
import { selectIssued } from './ledger-lookup.ts';
import { readTrustAnchors } from './trust.ts';

/**
 * Opens an authority for signing. `passphrase` is asked for only where its key is encrypted.
 * Throws `authority-missing`, `key-missing`, `key-mismatch`, `passphrase-missing`, `passphrase-wrong`.
 */
export async function openAuthority(
  directory: string,
  name: string,
  passphrase: () => Promise<Uint8Array>,
): Promise<OpenAuthority> {
  const authority = await loadAuthority(directory, name);
  const signer = await openAuthorityKey(authority, passphrase);
  const others = (await authorityPublicKeys(directory)).filter(other => other.name !== name);
  return {
    authority,
    signer,
    ledger: openLedger(directory, authority),
    trustAnchors: await readTrustAnchors(directory),
    authorityKeys: others.map(other => other.publicKey),
  };
}

/**
 * The public keys of the other CAs that an authority has signed, which may live on other machines: a key is never that of two authorities.
 */
export async function subordinateKeys(issuer: OpenAuthority, except: string): Promise<readonly Uint8Array[]> {
  const keys: Uint8Array[] = [];
  // One at a time: the ledger may be larger than memory.
  for await (const { certificate } of selectIssued(issuer.ledger.path, ({ service }) => service !== except))
    keys.push(Uint8Array.from(parseCertificate(Buffer.from(certificate, 'base64')).subjectPublicKeyInfo.der));
  return keys;
}

/**
 * The authority that issues to services where none is named: the only one, besides the root, whose key is here; of several the only one that
 * `canIssue`. Throws `authority-missing` and `ambiguous-authority`, whose hints are made by `naming`.
 */
export async function onlyIssuingAuthority(
  directory: string,
  canIssue: (authority: Authority) => boolean,
  naming: AuthorityNaming,
): Promise<Authority> {
  const present: Authority[] = [];
  for (const name of await authorityNames(directory)) {
    const authority = await loadIfInstalled(directory, name);
    if (authority !== undefined && !authority.isRoot && (await keyState(authority.paths)) !== 'absent')
      present.push(authority);
  }
  const able = present.filter(canIssue);
  // Why a single one, or all, can't issue is told where it is tried.
  const usable = able.length === 0 ? present : able;
  const [only] = usable;
  if (usable.length > 1) {
    const names = usable.map(authority => authority.name);
    throw new MtlsctlError('ambiguous-authority', `several authorities could issue: ${names.join(', ')}`, {
      hints: names.map(name => naming(name)),
      details: { authorities: names },
    });
  }
  if (only !== undefined) return only;
  throw new MtlsctlError('authority-missing', `no authority in ${directory} can issue to services`, {
    hints: ["create one with 'mtlsctl issue-intermediate <name>', or name the PKI directory with --dir"],
  });
}

async function loadIfInstalled(directory: string, name: string): Promise<Authority | undefined> {
  try {
    return await loadAuthority(directory, name);
  } catch (error) {
    if (error instanceof MtlsctlError && error.code === 'authority-missing') return undefined;
    throw error;
  }
}
