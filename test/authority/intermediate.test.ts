import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadAuthority } from '../../src/authority/authority.ts';
import { createIntermediate, existingIntermediate, type IntermediateOrder } from '../../src/authority/intermediate.ts';
import {
  existingAnswer,
  existingRequest,
  readRequestFile,
  requestIntermediate,
  signRequest,
} from '../../src/authority/intermediate-request.ts';
import { openAuthority } from '../../src/authority/open-issuer.ts';
import { readPublishedCrls, readTrustAnchors } from '../../src/authority/trust.ts';
import { exitStatusOf, MtlsctlError } from '../../src/errors.ts';
import { faults } from '../../src/file-operations.ts';
import { createRequest } from '../../src/issuance/request.ts';
import { verifyChain } from '../../src/path/verify.ts';
import { serialHex } from '../../src/x509/certificate.ts';
import { basicConstraints, crlDistributionPoints, nameConstraints } from '../../src/x509/extensions.ts';
import { formatName } from '../../src/x509/name.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { killedAt, systemError, withEachFault } from '../faults.ts';
import { keyFor } from '../issuance/authorities.ts';
import { temporaryDirectory } from '../temporary.ts';
import {
  contentOf,
  day,
  intermediateOrder,
  ledgerEntries,
  makeIntermediate,
  makeRoot,
  noConstraints,
  noPassphrase,
  now,
  pathsOf,
} from './pki.ts';

const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const rootKey = () => openAuthority(directory(), 'root', noPassphrase);
const order = (changes: Partial<IntermediateOrder> = {}) => intermediateOrder(directory(), changes);
const names = (): readonly string[] => readdirSync(join(directory(), 'authorities')).sort();

beforeEach(async () => {
  await makeRoot(directory());
});

describe('createIntermediate', () => {
  it('makes an authority whose chain a relying party takes, in the ledgers of both', async () => {
    const { status, certificate } = await makeIntermediate(directory());
    expect(status).toBe('issued');
    expect(formatName(certificate.subject)).toBe('CN=site-a CA,O=link.internal');
    expect(basicConstraints(certificate)).toEqual({ ca: true, pathLenConstraint: 0 });
    const { chain, isRoot } = await loadAuthority(directory(), 'site-a');
    expect([chain.map(each => each.der), isRoot]).toEqual([[certificate.der], false]);
    const verdict = verifyChain({
      leaf: certificate,
      trustAnchors: await readTrustAnchors(directory()),
      intermediates: [],
      crls: await readPublishedCrls(directory()),
      requireCrl: true,
      ...{ at: now, purpose: 'any', profile: 'rfc5280', strict: true },
    });
    expect(verdict.reasons).toEqual([]);
    const serial = serialHex(certificate.serialNumber);
    expect((await ledgerEntries(directory(), 'root')).at(-1)).toMatchObject({
      event: 'issued',
      serial,
      service: 'site-a',
    });
    expect((await ledgerEntries(directory(), 'site-a')).map(entry => entry.event)).toEqual([
      'authority-created',
      'crl-published',
    ]);
    expect(await readPublishedCrls(directory())).toHaveLength(2);
    expect(readdirSync(pathsOf(directory(), 'site-a').directory).sort()).toEqual([
      ...['cert.pem', 'chain.pem', 'crl.der', 'crl.pem', 'key.pem', 'ledger.jsonl'],
    ]);
  });

  it('stands on the chain of an intermediate that signs it', async () => {
    rmSync(directory(), { recursive: true });
    await makeRoot(directory(), { pathLength: 2 });
    const site = await makeIntermediate(directory(), { pathLength: 1 });
    const rack = await makeIntermediate(directory(), { name: 'rack', issuer: 'site-a' });
    const { chain } = await loadAuthority(directory(), 'rack');
    expect(chain.map(each => each.der)).toEqual([rack.certificate.der, site.certificate.der]);
  });

  it('has the constraints and CRL addresses that are asked for', async () => {
    const { certificate } = await makeIntermediate(directory(), {
      nameConstraints: { ...noConstraints, permitted: { ...noConstraints.permitted, dns: ['link.internal'] } },
      crlUrls: ['http://crl.example/root.crl'],
    });
    expect(nameConstraints(certificate)?.permitted).toHaveLength(1);
    expect(crlDistributionPoints(certificate)).toHaveLength(1);
  });

  it('is unchanged a second time, and nothing is touched', async () => {
    const { certificate } = await makeIntermediate(directory());
    const before = contentOf(directory());
    expect((await existingIntermediate(await order()))?.der).toEqual(certificate.der);
    expect(await makeIntermediate(directory())).toMatchObject({ status: 'unchanged' });
    expect(contentOf(directory())).toEqual(before);
  });

  it.each<[string, Partial<IntermediateOrder>]>([
    ['key type', { keyType: 'ed25519' }],
    ['path length', { pathLength: 3 }],
    ['subject', { subject: new Uint8Array([0x30, 0]) }],
    [
      'name constraints',
      { nameConstraints: { ...noConstraints, excluded: { ...noConstraints.excluded, dns: ['x'] } } },
    ],
    ['life: it has expired', { now: now + 4 * 365 * day }],
  ])('refuses another %s for an authority that exists', async (difference, changes) => {
    await makeIntermediate(directory());
    await expect(order(changes).then(existingIntermediate)).rejects.toMatchObject({
      code: 'already-exists',
      details: { differences: [difference] },
    });
  });

  it('signs once where it is asked for several times at once', async () => {
    const [issuer, asked] = [await rootKey(), await order()];
    const made = await Promise.all(Array.from({ length: 4 }, () => createIntermediate(asked, issuer, undefined)));
    expect(made.map(each => each.status).sort()).toEqual(['issued', 'unchanged', 'unchanged', 'unchanged']);
    expect((await ledgerEntries(directory(), 'root')).filter(entry => entry.event === 'issued')).toHaveLength(1);
  });

  it.each(['ENOSPC', 'EIO'])('leaves no part of an authority when any operation fails with %s', async code => {
    const before = withoutLedger(contentOf(directory()));
    const crls = readFileSync(join(directory(), 'crl.pem'));
    const prepare = async () => {
      rmSync(pathsOf(directory(), 'site-a').directory, { recursive: true, force: true });
      writeFileSync(join(directory(), 'crl.pem'), crls);
      const [issuer, asked] = [await rootKey(), await order()];
      return () => createIntermediate(asked, issuer, undefined);
    };
    let failures = 0;
    await withEachFault(code, prepare, ({ error, failed }) => {
      if (error === undefined) return;
      failures += 1;
      const where = `${failed?.operation ?? ''} ${failed?.path ?? ''}`;
      expect(error, where).toBeInstanceOf(MtlsctlError);
      expect(exitStatusOf(error), where).toBe(3);
      expect(withoutLedger(contentOf(directory())), where).toEqual(before);
    });
    expect(failures).toBeGreaterThan(30);
    // Whatever was signed in between is in the ledger.
    expect(names()).toEqual(['root', 'site-a']);
    await ledgerEntries(directory(), 'root');
  });

  it('signs nothing for a key that can not be stored', async () => {
    const [issuer, asked] = [await rootKey(), await order()];
    const ledger = await ledgerEntries(directory(), 'root');
    for (const operation of ['create', 'write', 'sync', 'link'] as const) {
      faults.before = (found, path) => {
        if (found === operation && path.includes('/.site-a-')) throw systemError('ENOSPC');
      };
      const made = createIntermediate(asked, issuer, undefined).finally(() => {
        faults.before = undefined;
      });
      await expect(made, operation).rejects.toMatchObject({ code: 'unwritable' });
      expect(await ledgerEntries(directory(), 'root'), operation).toEqual(ledger);
      expect(names()).toEqual(['root']);
    }
  });

  it('is whole after a kill at any operation and the same command again', async () => {
    const issuer = await rootKey();
    const original = readFileSync(join(directory(), 'crl.pem'));
    for (let number = 0; ; number += 1) {
      rmSync(pathsOf(directory(), 'site-a').directory, { recursive: true, force: true });
      writeFileSync(join(directory(), 'crl.pem'), original);
      const asked = await order();
      if (!(await killedAt(number, () => createIntermediate(asked, issuer, undefined)))) break;
      if ((await existingIntermediate(asked)) === undefined) await makeIntermediate(directory());
      expect(names(), String(number)).toEqual(['root', 'site-a']);
      const { paths } = await loadAuthority(directory(), 'site-a');
      const crls = (await readPublishedCrls(directory())).map(crl => Buffer.from(crl.der).toString('base64'));
      expect(crls, String(number)).toContain(readFileSync(paths.crlDer, 'base64'));
    }
  });

  function withoutLedger(content: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
    const { 'authorities/root/ledger.jsonl': _, ...rest } = content;
    return rest;
  }
});

describe('requestIntermediate', () => {
  const online = (): string => join(temporary(), 'online');
  const onlineOrder = (changes: Partial<IntermediateOrder> = {}) => intermediateOrder(online(), changes);

  it('makes key and request, and nothing that looks like an authority', async () => {
    const asked = await onlineOrder();
    const waiting = await requestIntermediate(asked, undefined);
    expect(waiting.status).toBe('requested');
    expect(readdirSync(pathsOf(online(), 'site-a').directory).sort()).toEqual(['csr.pem', 'key.pem']);
    expect(formatName(waiting.request.subject)).toBe('CN=site-a CA,O=link.internal');
    await expect(loadAuthority(online(), 'site-a')).rejects.toMatchObject({ code: 'authority-missing' });
    expect((await requestIntermediate(asked, undefined)).status).toBe('unchanged');
    expect((await existingRequest(asked))?.request.der).toEqual(waiting.request.der);
  });

  it('keeps a waiting key of another type', async () => {
    await requestIntermediate(await onlineOrder(), undefined);
    await expect(onlineOrder({ keyType: 'ed25519' }).then(existingRequest)).rejects.toMatchObject({
      code: 'already-exists',
    });
  });

  it('refuses the name of an authority that is here', async () => {
    await makeIntermediate(directory());
    await expect(order().then(existingRequest)).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('leaves no part of a request when any operation fails', async () => {
    const prepare = async () => {
      rmSync(online(), { recursive: true, force: true });
      const asked = await onlineOrder();
      return () => requestIntermediate(asked, undefined);
    };
    await withEachFault('ENOSPC', prepare, ({ error, failed }) => {
      if (error === undefined) return;
      expect(exitStatusOf(error), failed?.path).toBe(3);
      if (!existsSync(online())) return;
      const left = Object.keys(contentOf(online())).filter(name => name !== 'authorities' && name !== '.locks');
      expect(left, failed?.path).toEqual([]);
    });
    expect(Object.keys(contentOf(online()))).toContain('mtlsctl.yaml');
  });
});

describe('signRequest', () => {
  const out = (): string => join(temporary(), 'answer.pem');

  async function asked() {
    const key = await keyFor('elsewhere');
    const request = await createRequest((await order()).subject ?? new Uint8Array([0x30, 0]), key);
    const path = join(temporary(), 'csr.pem');
    writeFileSync(path, encodePem('CERTIFICATE REQUEST', request));
    return readRequestFile(readFileSync(path), path);
  }

  it('takes the key from the request and everything else from the order', async () => {
    const request = await asked();
    const { certificate } = await signRequest(await order(), await rootKey(), request, out());
    expect(certificate.subjectPublicKeyInfo.der).toEqual(request.subjectPublicKeyInfo.der);
    expect(formatName(certificate.subject)).toBe('CN=site-a CA,O=link.internal');
    expect((await existingAnswer(await order(), request, out()))?.der).toEqual(certificate.der);
    expect(await existingAnswer(await order(), request, join(temporary(), 'none.pem'))).toBeUndefined();
  });

  it.each<[string, Partial<IntermediateOrder>]>([
    [
      'name constraints',
      { nameConstraints: { ...noConstraints, permitted: { ...noConstraints.permitted, dns: ['only.link.internal'] } } },
    ],
    ['path length', { pathLength: 1 }],
    ['subject', { name: 'site-b' }],
    ['CRL URLs', { crlUrls: ['http://crl.example/root.crl'] }],
  ])('does not take an answer with other %s for what is asked', async (what, changes) => {
    const request = await asked();
    await signRequest(await order({ pathLength: 0 }), await rootKey(), request, out());
    await expect(existingAnswer(await order(changes), request, out())).rejects.toMatchObject({
      code: 'already-exists',
      details: { differences: [what] },
    });
  });

  it('does not take an answer for one that was not signed here', async () => {
    const request = await asked();
    const other = join(temporary(), 'other');
    await makeRoot(other);
    const planted = await order({ directory: other });
    await signRequest(planted, await openAuthority(other, 'root', noPassphrase), request, out());
    await expect(existingAnswer(await order(), request, out())).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('does not overwrite what is no answer to the request', async () => {
    writeFileSync(out(), 'something else\n');
    await expect(existingAnswer(await order(), await asked(), out())).rejects.toMatchObject({ code: 'already-exists' });
    writeFileSync(out(), readFileSync(join(directory(), 'ca.pem')));
    await expect(existingAnswer(await order(), await asked(), out())).rejects.toMatchObject({ code: 'already-exists' });
  });

  it('signs nothing for a file that can not be written', async () => {
    const before = await ledgerEntries(directory(), 'root');
    const missing = join(temporary(), 'no/such/answer.pem');
    const request = await asked();
    await expect(
      order().then(async each => signRequest(each, await rootKey(), request, missing)),
    ).rejects.toMatchObject({
      code: 'not-found',
    });
    expect(await ledgerEntries(directory(), 'root')).toEqual(before);
  });

  it('refuses the key of another authority', async () => {
    await makeIntermediate(directory());
    const { signer } = await openAuthority(directory(), 'site-a', noPassphrase);
    const request = { ...(await asked()), subjectPublicKeyInfo: signer.publicKey };
    const other = await order({ name: 'site-b' });
    await expect(signRequest(other, await rootKey(), request, out())).rejects.toMatchObject({ code: 'key-shared' });
    // Also where the other authority lives on another machine, and only the ledger knows its key.
    renameSync(pathsOf(directory(), 'site-a').directory, join(temporary(), 'site-a'));
    await expect(signRequest(other, await rootKey(), request, out())).rejects.toMatchObject({ code: 'key-shared' });
  });

  it.each([
    ['no request', encodePem('CERTIFICATE', new Uint8Array([0x30, 0])), 'malformed'],
    ['two requests', encodePem('CERTIFICATE REQUEST', new Uint8Array([0x30, 0])).repeat(2), 'malformed'],
    ['garbage', 'garbage', 'malformed'],
  ])('refuses a file of %s', (_, text, code) => {
    expect(() => readRequestFile(Buffer.from(text), 'csr.pem')).toThrow(expect.objectContaining({ code }) as Error);
  });

  it('refuses a request whose signature does not hold', async () => {
    const request = await asked();
    const changed = Uint8Array.from(request.der);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    expect(() => readRequestFile(Buffer.from(encodePem('NEW CERTIFICATE REQUEST', changed)), 'csr.pem')).toThrow(
      expect.objectContaining({ code: 'request-signature-invalid' }) as Error,
    );
  });
});

it('removes what a killed process left of the same authority, its key included', async () => {
  const abandoned = join(directory(), 'authorities', '.site-a-0123abcd.new');
  mkdirSync(abandoned);
  writeFileSync(join(abandoned, 'key.pem'), 'a key that nobody will use');
  await makeIntermediate(directory());
  expect(names()).toEqual(['root', 'site-a']);
});
