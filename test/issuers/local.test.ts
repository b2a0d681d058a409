import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { createIntermediate } from '../../src/authority/intermediate.ts';
import { openAuthority } from '../../src/authority/open-issuer.ts';
import { loadProfile } from '../../src/config/profiles.ts';
import { namedByFlag } from '../../src/config/service-file.ts';
import { planNames, subjectFor } from '../../src/issuance/names.ts';
import type { Issuers, LeafOrder } from '../../src/issuers/issuer.ts';
import { localIssuers } from '../../src/issuers/local.ts';
import { crlDistributionPoints } from '../../src/x509/extensions.ts';
import { formatName } from '../../src/x509/name.ts';
import {
  day,
  intermediateOrder,
  ledgerEntries,
  makeIntermediate,
  makeRoot,
  noPassphrase,
  now,
  pathsOf,
} from '../authority/pki.ts';
import { config, keyFor, randomness } from '../issuance/authorities.ts';
import { temporaryDirectory } from '../temporary.ts';

const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const passphrase = new TextEncoder().encode('correct horse');

beforeEach(() => makeRoot(directory()));

const issuers = (ask: (authority: string) => Promise<Uint8Array> = noPassphrase): Issuers =>
  localIssuers({
    directory: directory(),
    passphrase: ask,
    random: randomness(String(Math.random())),
    canIssue: () => true,
    naming: namedByFlag,
  });

async function order(service = 'user-svc'): Promise<LeafOrder> {
  const profile = loadProfile('service', config);
  const values = { service, trustDomain: 'link.internal' };
  const { names } = planNames(profile, { ...values, issuers: [] });
  const { publicKey } = await keyFor(service);
  return { service, profile, subject: subjectFor(profile, values), names, publicKey, validity: 90 * day, now };
}

describe('localIssuers', () => {
  it('issues under the only authority besides the root', async () => {
    await makeIntermediate(directory());
    const local = issuers();
    const authority = await local.defaultAuthority();
    const { chain } = await local.issue(authority, await order());
    expect(chain.map(each => formatName(each.subject))).toEqual([
      'CN=user-svc.link.internal',
      'CN=site-a CA,O=link.internal',
    ]);
    expect((await ledgerEntries(directory(), 'site-a')).at(-1)).toMatchObject({ event: 'issued', service: 'user-svc' });
    expect((await local.certificates(authority)).map(each => formatName(each.subject))).toEqual([
      'CN=site-a CA,O=link.internal',
      'CN=root CA,O=link.internal',
    ]);
  });

  it('takes the authority that mtlsctl.yaml names where there are several', async () => {
    await makeIntermediate(directory());
    await makeIntermediate(directory(), { name: 'site-b' });
    await expect(issuers().defaultAuthority()).rejects.toMatchObject({ code: 'ambiguous-authority' });
    writeFileSync(join(directory(), 'mtlsctl.yaml'), 'defaults:\n  issuer: site-b\n');
    expect(await issuers().defaultAuthority()).toBe('site-b');
  });

  it('writes the CRL address of its authority into what it issues', async () => {
    await makeIntermediate(directory());
    writeFileSync(
      join(directory(), 'mtlsctl.yaml'),
      'authorities:\n  site-a:\n    crlUrls:\n      - http://crl.example/a.crl\n',
    );
    const [leaf] = (await issuers().issue('site-a', await order())).chain;
    expect(leaf && crlDistributionPoints(leaf)).toHaveLength(1);
  });

  it('asks for a passphrase once, and only when the key has to sign', async () => {
    const root = await openAuthority(directory(), 'root', noPassphrase);
    await createIntermediate(await intermediateOrder(directory()), root, passphrase);
    const asked: string[] = [];
    const local = issuers(authority => {
      asked.push(authority);
      return Promise.resolve(passphrase);
    });
    await local.certificates('site-a');
    await local.defaultAuthority();
    expect(asked).toEqual([]);
    await Promise.all([local.issue('site-a', await order()), local.issue('site-a', await order('api'))]);
    expect(asked).toEqual(['site-a']);
  });

  it('shows the certificates of an authority whose key is elsewhere, which can not issue', async () => {
    await makeIntermediate(directory());
    rmSync(pathsOf(directory(), 'site-a').key);
    const local = issuers();
    expect(await local.certificates('site-a')).toHaveLength(2);
    await expect(local.issue('site-a', await order())).rejects.toMatchObject({ code: 'key-missing' });
    await expect(local.certificates('site-b')).rejects.toMatchObject({ code: 'authority-missing' });
  });
});
