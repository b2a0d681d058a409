import { copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  authorityNames,
  authorityPublicKeys,
  keyState,
  loadAuthority,
  openAuthorityKey,
} from '../../src/authority/authority.ts';
import { createIntermediate } from '../../src/authority/intermediate.ts';
import { requestIntermediate } from '../../src/authority/intermediate-request.ts';
import { onlyIssuingAuthority, openAuthority } from '../../src/authority/open-issuer.ts';
import { readPublishedCrls, readTrustAnchors } from '../../src/authority/trust.ts';
import { namedByFlag } from '../../src/config/service-file.ts';
import { temporaryDirectory } from '../temporary.ts';
import { intermediateOrder, makeAuthorities, makeIntermediate, makeRoot, noPassphrase, pathsOf } from './pki.ts';

const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const passphrase = new TextEncoder().encode('correct horse');

describe('authorityNames', () => {
  it('lists what is installed or waits, sorted, and nothing that is unfinished', async () => {
    expect(await authorityNames(directory())).toEqual([]);
    await makeAuthorities(directory());
    await requestIntermediate(await intermediateOrder(directory(), { name: 'a-site' }), undefined);
    mkdirSync(join(directory(), 'authorities', '.site-b-0123abcd.new'));
    writeFileSync(join(directory(), 'authorities', 'note.txt'), 'a note');
    expect(await authorityNames(directory())).toEqual(['a-site', 'root', 'site-a']);
  });

  it('says that it can not list what is no directory', async () => {
    mkdirSync(directory());
    writeFileSync(join(directory(), 'authorities'), '');
    await expect(authorityNames(directory())).rejects.toMatchObject({ code: 'unreadable' });
  });
});

describe('loadAuthority', () => {
  beforeEach(() => makeAuthorities(directory()));

  it('knows a root by its name, and the chain of what stands below', async () => {
    expect(await loadAuthority(directory(), 'root')).toMatchObject({ isRoot: true, chain: [] });
    const { isRoot, chain, certificate } = await loadAuthority(directory(), 'site-a');
    expect([isRoot, chain.map(each => each.der)]).toEqual([false, [certificate.der]]);
  });

  it('says what there is where there is none of the name, and what to do where one waits', async () => {
    await expect(loadAuthority(directory(), 'site-b')).rejects.toMatchObject({
      code: 'authority-missing',
      hints: ['the authorities here are: root, site-a'],
    });
    await expect(loadAuthority(temporary(), 'site-b')).rejects.toMatchObject({
      hints: [expect.stringContaining('mtlsctl init-root')],
    });
    await requestIntermediate(await intermediateOrder(directory(), { name: 'site-b' }), undefined);
    await expect(loadAuthority(directory(), 'site-b')).rejects.toMatchObject({
      code: 'authority-missing',
      hints: [expect.stringContaining('--install')],
    });
  });

  it.each([
    ['cert.pem that is no certificate', 'cert.pem', 'garbage\n'],
    ['empty cert.pem', 'cert.pem', ''],
    ['chain.pem that is no certificate', 'chain.pem', 'garbage\n'],
  ])('refuses %s', async (_, name, text) => {
    writeFileSync(join(pathsOf(directory(), 'site-a').directory, name), text);
    await expect(loadAuthority(directory(), 'site-a')).rejects.toMatchObject({ code: 'malformed' });
  });

  it('refuses several certificates in cert.pem, and a chain that begins with another', async () => {
    const { certificate, chain } = pathsOf(directory(), 'site-a');
    const own = readFileSync(certificate, 'utf8');
    writeFileSync(certificate, own + own);
    await expect(loadAuthority(directory(), 'site-a')).rejects.toMatchObject({ code: 'malformed' });
    writeFileSync(certificate, own);
    copyFileSync(join(directory(), 'ca.pem'), chain);
    await expect(loadAuthority(directory(), 'site-a')).rejects.toMatchObject({ code: 'malformed' });
    rmSync(chain);
    await expect(loadAuthority(directory(), 'site-a')).rejects.toMatchObject({ code: 'not-found' });
  });
});

describe('the key of an authority', () => {
  it('is asked a passphrase for only where it is encrypted', async () => {
    await makeRoot(directory());
    const root = await openAuthority(directory(), 'root', noPassphrase);
    const order = await intermediateOrder(directory());
    await createIntermediate(order, root, passphrase);
    expect(await keyState(pathsOf(directory(), 'root'))).toBe('unencrypted');
    expect(await keyState(pathsOf(directory(), 'site-a'))).toBe('encrypted');
    const authority = await loadAuthority(directory(), 'site-a');
    await expect(openAuthorityKey(authority, () => Promise.resolve(passphrase))).resolves.toMatchObject({
      keyType: 'ec-p256',
    });
    const wrong = openAuthorityKey(authority, () => Promise.resolve(Buffer.from('wrong')));
    await expect(wrong).rejects.toMatchObject({
      code: 'passphrase-wrong',
      message: expect.stringContaining("authority 'site-a'") as string,
      details: { file: authority.paths.key },
    });
  });

  it('is refused where it is missing, another’s, or damaged', async () => {
    await makeAuthorities(directory());
    const authority = await loadAuthority(directory(), 'site-a');
    copyFileSync(pathsOf(directory(), 'root').key, authority.paths.key);
    await expect(openAuthorityKey(authority, noPassphrase)).rejects.toMatchObject({ code: 'key-mismatch' });
    writeFileSync(authority.paths.key, '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n');
    await expect(openAuthorityKey(authority, noPassphrase)).rejects.toMatchObject({ code: 'key-malformed' });
    rmSync(authority.paths.key);
    expect(await keyState(authority.paths)).toBe('absent');
    await expect(openAuthorityKey(authority, noPassphrase)).rejects.toMatchObject({ code: 'key-missing' });
  });

  it('is compared with those of all others', async () => {
    await makeAuthorities(directory());
    await requestIntermediate(await intermediateOrder(directory(), { name: 'site-b' }), undefined);
    const keys = await authorityPublicKeys(directory());
    expect(keys.map(({ name }) => name)).toEqual(['root', 'site-a']);
    const { authorityKeys, signer } = await openAuthority(directory(), 'site-a', noPassphrase);
    expect(authorityKeys).toEqual(keys.slice(0, 1).map(({ publicKey }) => publicKey));
    expect(keys[1]?.publicKey).toEqual(signer.publicKey.der);
  });
});

describe('onlyIssuingAuthority', () => {
  beforeEach(() => makeAuthorities(directory()));

  const all = (): boolean => true;
  const noneOf =
    (...names: readonly string[]) =>
    ({ name }: { readonly name: string }): boolean =>
      !names.includes(name);

  it('is the one besides the root whose key is here', async () => {
    expect((await onlyIssuingAuthority(directory(), all, namedByFlag)).name).toBe('site-a');
  });

  it('is none where the key is elsewhere, and where there is only a root', async () => {
    renameSync(pathsOf(directory(), 'site-a').key, join(temporary(), 'key.pem'));
    await expect(onlyIssuingAuthority(directory(), all, namedByFlag)).rejects.toMatchObject({
      code: 'authority-missing',
    });
    rmSync(pathsOf(directory(), 'site-a').directory, { recursive: true });
    await expect(onlyIssuingAuthority(directory(), all, namedByFlag)).rejects.toMatchObject({
      code: 'authority-missing',
    });
  });

  it('has to be named where there are two', async () => {
    await makeIntermediate(directory(), { name: 'site-b' });
    await expect(onlyIssuingAuthority(directory(), all, namedByFlag)).rejects.toMatchObject({
      code: 'ambiguous-authority',
      details: { authorities: ['site-a', 'site-b'] },
      hints: ['add --issuer site-a', 'add --issuer site-b'],
    });
  });

  it('is the one of several that can issue, and has to be named where none can', async () => {
    await makeIntermediate(directory(), { name: 'site-b' });
    expect((await onlyIssuingAuthority(directory(), noneOf('site-a'), namedByFlag)).name).toBe('site-b');
    await expect(onlyIssuingAuthority(directory(), noneOf('site-a', 'site-b'), namedByFlag)).rejects.toMatchObject({
      code: 'ambiguous-authority',
    });
  });

  it('is the only one also where it can no more: why is told where it signs', async () => {
    expect((await onlyIssuingAuthority(directory(), noneOf('site-a'), namedByFlag)).name).toBe('site-a');
  });

  it('is not one that waits for its certificate', async () => {
    await requestIntermediate(await intermediateOrder(directory(), { name: 'site-b' }), undefined);
    expect((await onlyIssuingAuthority(directory(), all, namedByFlag)).name).toBe('site-a');
  });
});

it.each([
  ['ca.pem', () => readTrustAnchors(directory())],
  ['crl.pem', () => readPublishedCrls(directory())],
  ['authorities/site-a/cert.pem', () => loadAuthority(directory(), 'site-a')],
  ['authorities/site-a/chain.pem', () => loadAuthority(directory(), 'site-a')],
])('names %s where that is damaged', async (name, read) => {
  await makeAuthorities(directory());
  const file = join(directory(), name);
  for (const content of ['', 'x\n', '-----BEGIN CERTIFICATE-----\n']) {
    writeFileSync(file, content);
    await expect(read()).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining(file) as string,
      details: { file },
    });
  }
});
