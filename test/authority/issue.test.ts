import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { loadAuthority } from '../../src/authority/authority.ts';
import { publishCrl } from '../../src/authority/crl.ts';
import { issuersOf, issueUnder, type OpenAuthority, type SubordinateOrder } from '../../src/authority/issue.ts';
import { openAuthority } from '../../src/authority/open-issuer.ts';
import { readTrustAnchors } from '../../src/authority/trust.ts';
import { loadProfile } from '../../src/config/profiles.ts';
import { planNames, subjectFor } from '../../src/issuance/names.ts';
import { parseCertificate, serialHex } from '../../src/x509/certificate.ts';
import { withEachFault } from '../faults.ts';
import { config, keyFor, randomness } from '../issuance/authorities.ts';
import { temporaryDirectory } from '../temporary.ts';
import {
  contentOf,
  day,
  ledgerEntries,
  makeAuthorities,
  noConstraints,
  makeIntermediate,
  noPassphrase,
  now,
} from './pki.ts';

const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
const open = (name = 'site-a'): Promise<OpenAuthority> => openAuthority(directory(), name, noPassphrase);

beforeEach(() => makeAuthorities(directory()));

async function leafOrder(changes: Partial<SubordinateOrder> = {}): Promise<SubordinateOrder> {
  const profile = loadProfile('service', config);
  const values = { service: 'user-svc', trustDomain: 'link.internal' };
  return {
    profile,
    subject: subjectFor(profile, values),
    names: planNames(profile, { ...values, issuers: [] }).names,
    publicKey: (await keyFor('user-svc')).publicKey,
    service: 'user-svc',
    now,
    random: randomness('leaf'),
    ...changes,
  };
}

const issued = async (name = 'site-a') =>
  (await ledgerEntries(directory(), name)).filter(entry => entry.event === 'issued');

describe('issueUnder', () => {
  it('returns the leaf, then the intermediates and no root, and has recorded it', async () => {
    const { chain, certificate, warnings } = await issueUnder(await open(), await leafOrder());
    const { certificate: site } = await loadAuthority(directory(), 'site-a');
    expect(chain.map(each => each.der)).toEqual([certificate.der, site.der]);
    expect(warnings).toEqual([]);
    const [entry, ...others] = await issued();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      serial: serialHex(certificate.serialNumber),
      service: 'user-svc',
      subject: 'CN=user-svc.link.internal',
      names: expect.arrayContaining(['DNS:user-svc', 'URI:spiffe://link.internal/service/user-svc']) as string[],
      profile: 'service',
      notBefore: '2026-11-22T14:04:01Z',
    });
    const recorded = Buffer.from(entry?.certificate ?? '', 'base64');
    expect(parseCertificate(recorded).der).toEqual(certificate.der);
  });

  it.each<[string, Partial<SubordinateOrder>, string]>([
    ['a leaf with hardly a tenth of its life left', { validity: 20 * 365 * day * 10 }, 'lifetime-refused'],
    ['a name that is none', { names: { dns: ['no name'], ip: [], uri: [], email: [] } }, 'issued-certificate-refused'],
  ])('records nothing where it refuses %s', async (_, changes, code) => {
    await expect(issueUnder(await open(), await leafOrder(changes))).rejects.toMatchObject({ code });
    expect(await issued()).toEqual([]);
  });

  it('refuses a name outside the constraints of its issuer before anything is signed', async () => {
    await makeIntermediate(directory(), {
      name: 'site-b',
      nameConstraints: { ...noConstraints, permitted: { ...noConstraints.permitted, dns: ['other.example'] } },
    });
    await expect(issueUnder(await open('site-b'), await leafOrder())).rejects.toMatchObject({
      code: 'constraint-violation',
    });
    expect(await issued('site-b')).toEqual([]);
  });

  it('refuses what no relying party would take, since the root is not trusted', async () => {
    const issuer = { ...(await open()), trustAnchors: [] };
    await expect(issueUnder(issuer, await leafOrder())).rejects.toMatchObject({ code: 'issued-certificate-refused' });
    expect(await issued()).toEqual([]);
  });

  it.each([
    [
      'missing',
      (path: string) => {
        rmSync(path);
      },
    ],
    [
      'empty',
      (path: string) => {
        writeFileSync(path, '');
      },
    ],
    [
      'torn in its first line',
      (path: string) => {
        writeFileSync(path, '{"seq":1,"at');
      },
    ],
  ])('begins no ledger anew where that of an authority is %s', async (_, damage) => {
    const issuer = await open();
    damage(issuer.ledger.path);
    const before = contentOf(directory());
    await expect(issueUnder(issuer, await leafOrder())).rejects.toMatchObject({ code: 'ledger-corrupt' });
    const { authority, signer, ledger } = issuer;
    const crl = { certificate: authority.certificate, paths: authority.paths, ledger, signer, now, validity: day };
    await expect(publishCrl(crl)).rejects.toMatchObject({ code: 'ledger-corrupt' });
    expect(contentOf(directory())).toEqual(before);
  });

  it('releases nothing that is not in the ledger, whichever operation fails', async () => {
    const order = await leafOrder();
    const released: string[] = [];
    const prepare = async () => {
      const issuer = await open();
      return async () => {
        const { certificate } = await issueUnder(issuer, { ...order, random: randomness(String(Math.random())) });
        released.push(serialHex(certificate.serialNumber));
      };
    };
    await withEachFault('EIO', prepare, async () => {
      expect((await issued()).map(entry => entry.serial)).toEqual(released);
    });
    expect(released).not.toEqual([]);
  });

  it('gives each of many at once a serial and a line of its own', async () => {
    const issuer = await open();
    const order = await leafOrder();
    const chains = await Promise.all(
      Array.from({ length: 20 }, (_, i) => issueUnder(issuer, { ...order, random: randomness(`leaf ${i}`) })),
    );
    const serials = chains.map(({ certificate }) => serialHex(certificate.serialNumber));
    expect((await issued()).map(entry => entry.serial).sort()).toEqual([...serials].sort());
    expect(new Set(serials).size).toBe(20);
  });
});

describe('issuersOf', () => {
  it('ends with the root where that is trusted, once', async () => {
    const anchors = await readTrustAnchors(directory());
    const [site, root] = [await loadAuthority(directory(), 'site-a'), await loadAuthority(directory(), 'root')];
    expect(issuersOf(site, anchors).map(each => each.der)).toEqual([site.certificate.der, root.certificate.der]);
    expect(issuersOf(site, [])).toEqual([site.certificate]);
    expect(issuersOf(root, anchors)).toEqual([root.certificate]);
  });
});
