import { copyFileSync, cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadAuthority, openAuthorityKey } from '../../src/authority/authority.ts';
import { installIntermediate, type InstallOrder } from '../../src/authority/install-intermediate.ts';
import { readRequestFile, requestIntermediate, signRequest } from '../../src/authority/intermediate-request.ts';
import { openAuthority } from '../../src/authority/open-issuer.ts';
import { encodeCertificates, readPublishedCrls, readTrustAnchors } from '../../src/authority/trust.ts';
import { exitStatusOf, MtlsctlError } from '../../src/errors.ts';
import { fingerprint, readCertificates } from '../../src/x509/certificate.ts';
import { killedAt, withEachFault } from '../faults.ts';
import { temporaryDirectory } from '../temporary.ts';
import { contentOf, intermediateOrder, ledgerEntries, makeRoot, noPassphrase, now, pathsOf } from './pki.ts';

const temporary = temporaryDirectory();
const at = (...names: readonly string[]): string => join(temporary(), ...names);
const offline = (): string => at('offline');
const online = (): string => at('online');
const passphrase = new TextEncoder().encode('correct horse');
const known = () => Promise.resolve(passphrase);

/** What a stick carries from the offline machine: the answer, the root and its CRL. */
async function sign(changes = {}, out = at('answer.pem')): Promise<void> {
  const request = readRequestFile(readFileSync(pathsOf(online(), 'site-a').request), 'csr.pem');
  const issuer = await openAuthority(offline(), 'root', noPassphrase);
  await signRequest(await intermediateOrder(offline(), changes), issuer, request, out);
  copyFileSync(join(offline(), 'ca.pem'), at('root.pem'));
  copyFileSync(join(offline(), 'crl.pem'), at('root-crl.pem'));
}

async function requested(withPassphrase?: Uint8Array): Promise<void> {
  await makeRoot(offline());
  await requestIntermediate(await intermediateOrder(online()), withPassphrase);
  await sign();
}

async function order(changes: Partial<InstallOrder> = {}): Promise<InstallOrder> {
  const [root] = readCertificates(readFileSync(at('root.pem')));
  return {
    directory: online(),
    name: 'site-a',
    config: (await intermediateOrder(online())).config,
    file: at('answer.pem'),
    root: { file: at('root.pem'), fingerprint: root && fingerprint(root.der) },
    crl: at('root-crl.pem'),
    now,
    ...changes,
  };
}

const install = async (changes: Partial<InstallOrder> = {}) => installIntermediate(await order(changes), noPassphrase);

/** That nothing was changed by what is refused. */
async function refused(
  changes: Partial<InstallOrder>,
  code: string,
  answer: () => Promise<Uint8Array> = noPassphrase,
): Promise<MtlsctlError> {
  const before = contentOf(online());
  const error = await installIntermediate(await order(changes), answer).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code });
  expect(contentOf(online())).toEqual(before);
  return error as MtlsctlError;
}

describe('with a key that is not encrypted', () => {
  beforeEach(() => requested());

  it('installs the answer, the root and its CRL, and signs a first CRL', async () => {
    expect(await install()).toMatchObject({ status: 'installed' });
    const authority = await loadAuthority(online(), 'site-a');
    await expect(openAuthorityKey(authority, noPassphrase)).resolves.toBeDefined();
    expect(readdirSync(authority.paths.directory).sort()).toEqual([
      ...['cert.pem', 'chain.pem', 'crl.der', 'crl.pem', 'key.pem', 'ledger.jsonl'],
    ]);
    expect(await readTrustAnchors(online())).toHaveLength(1);
    expect(await readPublishedCrls(online())).toHaveLength(2);
    expect((await ledgerEntries(online(), 'site-a')).map(entry => entry.event)).toEqual([
      'authority-created',
      'crl-published',
    ]);
  });

  it('is unchanged a second time', async () => {
    await install();
    const before = contentOf(online());
    expect(await install()).toMatchObject({ status: 'unchanged' });
    expect(await install({ root: undefined, crl: undefined })).toMatchObject({ status: 'unchanged' });
    expect(contentOf(online())).toEqual(before);
  });

  it('takes the CRL of the root that comes along later', async () => {
    await install({ crl: undefined });
    expect(await readPublishedCrls(online())).toHaveLength(1);
    expect(await install()).toMatchObject({ status: 'unchanged' });
    expect(await readPublishedCrls(online())).toHaveLength(2);
  });

  it('takes an answer that has the root at its end, and does not keep it in the chain', async () => {
    const text = readFileSync(at('answer.pem'), 'utf8') + readFileSync(at('root.pem'), 'utf8');
    writeFileSync(at('answer.pem'), text);
    await install();
    expect((await loadAuthority(online(), 'site-a')).chain).toHaveLength(1);
  });

  it('installs once where it is asked for twice at once', async () => {
    const results = await Promise.all([install(), install()]);
    expect(results.map(result => result.status).sort()).toEqual(['installed', 'unchanged']);
    expect(await ledgerEntries(online(), 'site-a')).toHaveLength(2);
  });

  it('refuses another certificate for an authority that is installed', async () => {
    await install();
    const order = await intermediateOrder(online(), { name: 'site-b' });
    await requestIntermediate(order, undefined);
    rmSync(pathsOf(online(), 'site-b').directory, { recursive: true });
    writeFileSync(at('other.pem'), encodeCertificates(await readTrustAnchors(online())));
    await refused({ file: at('other.pem') }, 'already-exists');
  });

  it('refuses an altered certificate, wherever it was altered', async () => {
    const [certificate] = readCertificates(readFileSync(at('answer.pem')));
    if (certificate === undefined) throw new Error('no certificate');
    for (let offset = 0; offset < certificate.der.length; offset += 23) {
      const der = Uint8Array.from(certificate.der);
      der[offset] = (der[offset] ?? 0) ^ 0x20;
      writeFileSync(
        at('altered.pem'),
        Buffer.from(`-----BEGIN CERTIFICATE-----\n${Buffer.from(der).toString('base64')}\n-----END CERTIFICATE-----\n`),
      );
      const error = await installIntermediate(await order({ file: at('altered.pem') }), noPassphrase).catch(
        (reason: unknown) => reason,
      );
      expect([4, 5], `octet ${offset}`).toContain(exitStatusOf(error));
    }
    expect(existsSync(join(online(), 'ca.pem'))).toBe(false);
    expect(readdirSync(pathsOf(online(), 'site-a').directory).sort()).toEqual(['csr.pem', 'key.pem']);
  });

  it('refuses a certificate for another key', async () => {
    cpSync(online(), at('kept'), { recursive: true });
    rmSync(pathsOf(online(), 'site-a').directory, { recursive: true });
    await requestIntermediate(await intermediateOrder(online()), undefined);
    await refused({}, 'key-mismatch');
  });

  it('refuses where key.pem is not the key of the request', async () => {
    const path = pathsOf(online(), 'site-a').key;
    copyFileSync(pathsOf(offline(), 'root').key, path);
    await refused({}, 'key-mismatch');
  });

  it('refuses a root whose fingerprint is another, or is not given', async () => {
    await refused({ root: { file: at('root.pem'), fingerprint: '00'.repeat(32) } }, 'unknown-root');
    await refused({ root: { file: at('root.pem'), fingerprint: undefined } }, 'usage');
    await refused({ root: undefined }, 'not-found');
    await refused({ root: { file: at('answer.pem'), fingerprint: undefined } }, 'unknown-root');
  });

  it('refuses a certificate of another root', async () => {
    await makeRoot(at('other'));
    const [other] = await readTrustAnchors(at('other'));
    const root = { file: at('other/ca.pem'), fingerprint: other && fingerprint(other.der) };
    await refused({ root, crl: undefined }, 'certificate-refused');
  });

  it('refuses a second root', async () => {
    await install();
    await makeRoot(at('other'));
    const [other] = await readTrustAnchors(at('other'));
    const root = { file: at('other/ca.pem'), fingerprint: other && fingerprint(other.der) };
    await refused({ root, crl: undefined }, 'unknown-root');
  });

  it('refuses a certificate that has expired', async () => {
    await refused({ now: now + 4 * 365 * 86_400_000 }, 'certificate-refused');
  });

  it('refuses a CRL that is not the root’s', async () => {
    await makeRoot(at('other'));
    await refused({ crl: at('other/crl.pem') }, 'certificate-refused');
  });

  it('says what to do where no request waits', async () => {
    rmSync(pathsOf(online(), 'site-a').directory, { recursive: true });
    await refused({}, 'not-found');
  });

  it.each(['ENOSPC', 'EIO'])('installs all or nothing when any operation fails with %s', async code => {
    cpSync(online(), at('waiting'), { recursive: true });
    const prepare = async () => {
      restore();
      const asked = await order();
      return () => installIntermediate(asked, noPassphrase);
    };
    restore();
    const before = contentOf(online());
    let failures = 0;
    await withEachFault(code, prepare, ({ error, failed }) => {
      if (error === undefined) return;
      failures += 1;
      const where = `${failed?.operation ?? ''} ${failed?.path ?? ''}`;
      expect(error, where).toBeInstanceOf(MtlsctlError);
      expect(exitStatusOf(error), where).toBe(3);
      expect(contentOf(online()), where).toEqual(before);
    });
    expect(failures).toBeGreaterThan(40);
  });

  it('is whole after a kill at any change and the same command again', async () => {
    cpSync(online(), at('waiting'), { recursive: true });
    const asked = await order();
    const statuses = new Set<string>();
    for (let number = 0; ; number += 1) {
      restore();
      if (!(await killedAt(number, () => installIntermediate(asked, noPassphrase)))) break;
      statuses.add((await installIntermediate(asked, noPassphrase)).status);
      const { paths, certificate } = await loadAuthority(online(), 'site-a');
      const names = readdirSync(paths.directory).filter(name => !name.startsWith('.'));
      expect(names.sort(), String(number)).toEqual([
        ...['cert.pem', 'chain.pem', 'crl.der', 'crl.pem', 'key.pem', 'ledger.jsonl'],
      ]);
      const created = (await ledgerEntries(online(), 'site-a')).filter(entry => entry.event === 'authority-created');
      expect(created, String(number)).toHaveLength(1);
      expect(created[0]).toMatchObject({ certificate: Buffer.from(certificate.der).toString('base64') });
      expect(await readTrustAnchors(online()), String(number)).toHaveLength(1);
      expect(await readPublishedCrls(online()), String(number)).toHaveLength(2);
    }
    expect([...statuses].sort()).toEqual(['installed', 'unchanged']);
  });

  it('records the answer that is installed where another was about to be', async () => {
    cpSync(online(), at('waiting'), { recursive: true });
    // Killed after the ledger was begun, before cert.pem.
    const asked = await order();
    for (let number = 0; ; number += 1) {
      restore();
      await killedAt(number, () => installIntermediate(asked, noPassphrase));
      if (existsSync(pathsOf(online(), 'site-a').ledger) && (await ledgerEntries(online(), 'site-a')).length > 0) break;
    }
    await sign({ validity: 365 * 86_400_000 }, at('second.pem'));
    const { certificate } = await install({ file: at('second.pem') });
    const created = (await ledgerEntries(online(), 'site-a')).filter(entry => entry.event === 'authority-created');
    expect(created).toHaveLength(2);
    expect(created[1]).toMatchObject({ certificate: Buffer.from(certificate.der).toString('base64') });
  });

  function restore(): void {
    rmSync(online(), { recursive: true });
    cpSync(at('waiting'), online(), { recursive: true });
  }
});

describe('with an encrypted key', () => {
  it('asks for its passphrase, and signs the first CRL', async () => {
    await requested(passphrase);
    expect(await installIntermediate(await order(), known)).toMatchObject({ status: 'installed' });
    expect(await readPublishedCrls(online())).toHaveLength(2);
    const before = contentOf(online());
    expect(await install()).toMatchObject({ status: 'unchanged' });
    expect(contentOf(online())).toEqual(before);
  });

  it('changes nothing where the passphrase is missing or wrong', async () => {
    await requested(passphrase);
    const missing = new MtlsctlError('passphrase-missing', 'there is no terminal to ask for it');
    await refused({}, 'passphrase-missing', () => Promise.reject(missing));
    await refused({}, 'passphrase-wrong', () => Promise.resolve(Buffer.from('wrong')));
    expect(await installIntermediate(await order(), known)).toMatchObject({ status: 'installed' });
  });

  it('refuses a key that took the place of the one that waited, and keeps the request', async () => {
    await requested(passphrase);
    const { key } = pathsOf(online(), 'site-a');
    const waited = readFileSync(key);
    await requestIntermediate(await intermediateOrder(at('other')), passphrase);
    copyFileSync(pathsOf(at('other'), 'site-a').key, key);
    await refused({}, 'key-mismatch', known);
    writeFileSync(key, waited);
    expect(await installIntermediate(await order(), known)).toMatchObject({ status: 'installed' });
  });

  it('signs the first CRL of an authority that was installed without one, once', async () => {
    await requested(passphrase);
    await installIntermediate(await order(), known);
    const { ledger, crlPem, crlDer } = pathsOf(online(), 'site-a');
    writeFileSync(ledger, `${readFileSync(ledger, 'utf8').split('\n')[0] ?? ''}\n`);
    for (const path of [crlPem, crlDer, join(online(), 'crl.pem')]) rmSync(path);
    expect(await installIntermediate(await order(), known)).toMatchObject({ status: 'installed' });
    expect((await ledgerEntries(online(), 'site-a')).map(({ event }) => event)).toEqual([
      'authority-created',
      'crl-published',
    ]);
    expect(await readPublishedCrls(online())).toHaveLength(2);
    const before = contentOf(online());
    expect(await install()).toMatchObject({ status: 'unchanged' });
    expect(contentOf(online())).toEqual(before);
  });
});
