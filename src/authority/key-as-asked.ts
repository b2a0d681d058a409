import { inFile, MtlsctlError } from '../errors.ts';
import { readOptional } from '../files.ts';
import { describePrivateKeyFile, openingKey, readPrivateKey } from '../keys/private-key.ts';
import { type IntermediateOrder, intermediatePaths } from './intermediate.ts';

/** How the key of an authority was asked to be stored; undefined where nobody said. */
export type AskedEncryption = { readonly passphrase: Uint8Array | undefined } | undefined;

/**
 * An authority that is here already is as asked only if its key is stored as asked, too: who gives a passphrase believes that it is needed from
 * now on. The key is left as it is. Throws `already-exists`, and `passphrase-wrong` where it is encrypted with another passphrase.
 */
export async function refuseOtherEncryption(order: IntermediateOrder, asked: AskedEncryption): Promise<void> {
  const path = intermediatePaths(order).key;
  const file = asked === undefined ? undefined : await readOptional(path);
  if (asked === undefined || file === undefined) return;
  const { encrypted } = inFile(path, () => describePrivateKeyFile(file));
  if (encrypted && asked.passphrase !== undefined) {
    const { passphrase } = asked;
    await openingKey({ path, flag: '--passphrase-file' }, () => readPrivateKey(file, passphrase));
    return;
  }
  if (encrypted === (asked.passphrase !== undefined)) return;
  const found = encrypted ? 'encrypted' : 'not encrypted';
  throw new MtlsctlError('already-exists', `authority '${order.name}' exists, and its key is ${found}`, {
    hints: encrypted ? ['leave --no-passphrase out, or choose another name'] : [encryptionCommand(path)],
    details: { key: path },
  });
}

/** PBES2 as mtlsctl writes it; the new file takes the old one's place at one instant. */
function encryptionCommand(path: string): string {
  const parameters = '-topk8 -v2 aes-256-cbc -v2prf hmacWithSHA256 -iter 600000';
  return `(umask 077 && openssl pkcs8 ${parameters} -in ${path} -out ${path}.new && mv ${path}.new ${path})`;
}
