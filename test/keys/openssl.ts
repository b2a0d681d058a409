import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';

/** A directory that goes when the tests of the file are done. */
export function temporaryDirectory(): (name: string) => string {
  const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-keys-'));
  afterAll(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return name => join(directory, name);
}

/** Runs openssl and returns what it writes; throws where it fails. */
export function openssl(args: readonly string[], input?: string | Uint8Array): Uint8Array {
  return new Uint8Array(execFileSync('openssl', args, { input, stdio: ['pipe', 'pipe', 'pipe'], maxBuffer: 1 << 24 }));
}

/** Runs openssl and returns its exit status with all that it says. */
export function tryOpenssl(
  args: readonly string[],
  input?: string | Uint8Array,
): { status: number | null; text: string } {
  const { status, stdout, stderr } = spawnSync('openssl', args, { input, encoding: 'utf8' });
  return { status, text: stdout + stderr };
}

/** Whether openssl accepts a signature over `data`, with the digest given or, for Ed25519, none. */
export function opensslVerifies(
  at: (name: string) => string,
  {
    spki,
    data,
    signature,
    digest,
  }: { spki: Uint8Array; data: Uint8Array; signature: Uint8Array; digest: string | null },
): boolean {
  writeFileSync(at('public.der'), spki);
  writeFileSync(at('public.pem'), openssl(['pkey', '-pubin', '-inform', 'DER', '-in', at('public.der')]));
  writeFileSync(at('data'), data);
  writeFileSync(at('signature'), signature);
  const args =
    digest === null
      ? [
          'pkeyutl',
          '-verify',
          '-rawin',
          '-pubin',
          '-inkey',
          at('public.pem'),
          '-in',
          at('data'),
          '-sigfile',
          at('signature'),
        ]
      : ['dgst', `-${digest}`, '-verify', at('public.pem'), '-signature', at('signature'), at('data')];
  return tryOpenssl(args).status === 0;
}

/** `openssl genpkey` arguments of every key type that mtlsctl has. */
export const genpkey = {
  'ec-p256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'ec-p384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['-algorithm', 'ED25519'],
  'rsa-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'rsa-3072': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  'rsa-4096': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:4096'],
} as const;

/** The SubjectPublicKeyInfo of a private key, as openssl computes it. */
export function opensslPublicKey(key: Uint8Array, args: readonly string[] = []): Uint8Array {
  return openssl(['pkey', '-pubout', '-outform', 'DER', ...args], key);
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
