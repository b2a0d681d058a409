import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { octetString } from '../../src/der/writer.ts';
import { parseCertificate, type Certificate } from '../../src/x509/certificate.ts';
import { authority, day, dnsName, extension, intermediate, issue, now, type Entity } from './certificates.ts';
import { codes, judge, tiers } from './chains.ts';

const certificates = (...entities: readonly Entity[]): readonly Certificate[] =>
  entities.map(entity => entity.certificate);

describe('dead ends', () => {
  test('says that the issuer is not here', () => {
    const { root, leaf } = tiers();
    expect(judge({ root, leaf }).reasons).toEqual([
      { code: 'issuer-not-found', subject: 'CN=user-svc', issuer: 'CN=site-a' },
    ]);
  });

  test('says that the root is another', () => {
    const { root, site, leaf } = tiers({ root: { name: 'ours' } });
    const verdict = judge({ root: authority({ name: 'theirs' }), leaf }, { intermediates: certificates(site, root) });
    expect(verdict.reasons).toEqual([{ code: 'root-not-trusted', subject: 'CN=ours' }]);
    expect(verdict.chain).toEqual(certificates(leaf, site, root));
  });

  test('says that a root of the same name has another key', () => {
    const { site, leaf } = tiers();
    const verdict = judge({ root: authority({ key: 'other' }), site, leaf });
    expect(verdict.reasons).toEqual([{ code: 'signature-invalid', subject: 'CN=site-a', issuer: 'CN=root' }]);
  });

  test('says that CAs certify each other in a circle', () => {
    const one = authority({ name: 'one' });
    const two = intermediate(one, { name: 'two' });
    const crossed = intermediate(two, { name: 'one', key: one.key });
    const verdict = judge({ root: authority(), leaf: issue(two) }, { intermediates: certificates(two, crossed) });
    expect(verdict.reasons).toEqual([{ code: 'issuer-cycle', subject: 'CN=one' }]);
  });

  test('refuses without any trust anchor', () => {
    const { root, site, leaf } = tiers();
    expect(judge({ root, site, leaf }, { trustAnchors: [] }).valid).toBe(false);
  });
});

describe('trust anchors', () => {
  test('may be an intermediate, whose root is not here', () => {
    const { site, leaf } = tiers();
    expect(judge({ root: site, leaf })).toMatchObject({ valid: true, chain: certificates(leaf, site) });
  });

  test('may be the certificate that is asked about', () => {
    const { leaf } = tiers();
    expect(judge({ root: leaf, leaf })).toMatchObject({ valid: true, chain: certificates(leaf) });
  });

  test('that is the certificate asked about is still held to its dates', () => {
    const { leaf } = tiers({ leaf: { notAfter: now - 1000 } });
    expect(codes(judge({ root: leaf, leaf }))).toEqual(['expired']);
  });

  test('is not everything that has the name of one', () => {
    const root = authority();
    const impostor = authority({ key: 'impostor' });
    expect(judge({ root, leaf: impostor }).valid).toBe(false);
  });

  test('given among the intermediates, too, is tried once', () => {
    const { root, site, leaf } = tiers({ root: { notAfter: now - day } });
    const verdict = judge({ root, leaf }, { intermediates: certificates(site, root) });
    expect(verdict.tried).toHaveLength(1);
  });
});

describe('backtracking', () => {
  test('goes on after an expired cross-certificate', () => {
    const root = authority();
    const old = authority({ name: 'old root' });
    const crossed = intermediate(old, { name: 'root', key: root.key, notAfter: now - day });
    const site = intermediate(root);
    const leaf = issue(site);
    const verdict = judge(
      { root, leaf },
      { trustAnchors: certificates(old, root), intermediates: certificates(crossed, site) },
    );
    expect(verdict).toMatchObject({ valid: true, chain: certificates(leaf, site, root) });
  });

  test('goes on after a constraint of one path, which does not condemn another', () => {
    const strictRoot = authority({ name: 'strict', permitted: [dnsName('elsewhere')] });
    const openRoot = authority({ name: 'open' });
    const bySite = { name: 'site', key: 'shared' };
    const [strictSite, openSite] = [intermediate(strictRoot, bySite), intermediate(openRoot, bySite)];
    const leaf = issue(strictSite);
    for (const intermediates of [certificates(strictSite, openSite), certificates(openSite, strictSite)]) {
      const verdict = judge(
        { root: openRoot, leaf },
        { trustAnchors: certificates(strictRoot, openRoot), intermediates },
      );
      expect(verdict).toMatchObject({ valid: true, chain: certificates(leaf, openSite, openRoot) });
    }
  });

  test('finds a key that the identifiers do not point to', () => {
    const { root, site, leaf } = tiers({
      site: { extensions: [extension(oids.subjectKeyIdentifier, false, octetString(new Uint8Array(20)))] },
    });
    expect(judge({ root, site, leaf }).valid).toBe(true);
  });

  test('tries the key first that the identifiers point to', () => {
    const root = authority();
    const sites = Array.from({ length: 5 }, (_, i) => intermediate(root, { name: 'site', key: `key ${i}` }));
    const leaf = issue(sites[3]!);
    expect(judge({ root, leaf }, { intermediates: certificates(...sites) })).toMatchObject({ valid: true, tried: [] });
  });

  test('keeps every dropped path with its reasons', () => {
    const one = authority({ name: 'one', notAfter: now - day });
    const two = authority({ name: 'two', notAfter: now - day, pathLength: 0 });
    const sites = [one, two].map(root => intermediate(root, { name: 'site', key: 'shared' }));
    const leaf = issue(sites[0]!);
    const verdict = judge(
      { root: one, leaf },
      { trustAnchors: certificates(one, two), intermediates: certificates(...sites) },
    );
    expect(verdict.tried.map(path => path.reasons.map(reason => reason.code))).toEqual([
      ['expired'],
      ['expired', 'path-length'],
    ]);
    expect(codes(verdict)).toEqual(['expired']);
  });

  test('reports the path that reached an anchor rather than the one that did not', () => {
    const root = authority({ notAfter: now - day });
    const known = intermediate(root, { name: 'site', key: 'shared' });
    const unknown = intermediate(authority({ name: 'stranger' }), { name: 'site', key: 'shared' });
    for (const intermediates of [certificates(known, unknown), certificates(unknown, known)]) {
      expect(codes(judge({ root, leaf: issue(known) }, { intermediates }))).toEqual(['expired']);
    }
  });
});

test('tries an intermediate that is there twice once', () => {
  const { root, site, leaf } = tiers({ site: { notAfter: now - day } });
  const copy = parseCertificate(Uint8Array.from(site.certificate.der));
  const verdict = judge({ root, leaf }, { intermediates: [site.certificate, copy] });
  expect(verdict.tried).toHaveLength(1);
});

describe('hostile pools', () => {
  test('ends where two CAs sign each other', () => {
    const a = authority({ name: 'a' });
    const b = intermediate(a, { name: 'b' });
    const aByB = intermediate(b, { name: 'a', key: a.key });
    const verdict = judge({ root: authority(), leaf: issue(b) }, { intermediates: certificates(b, aByB) });
    expect(verdict.valid).toBe(false);
  });

  test('finds the way out of a full mesh of cross-certificates', () => {
    const root = authority();
    const names = ['a', 'b', 'c', 'd'];
    const anchored = names.map(name =>
      intermediate(root, { name, key: name, notAfter: name === 'd' ? now + day : now - day }),
    );
    const mesh = anchored.flatMap(issuer => names.map(name => intermediate(issuer, { name, key: name })));
    const verdict = judge({ root, leaf: issue(anchored[0]!) }, { intermediates: certificates(...mesh, ...anchored) });
    expect(verdict.valid).toBe(true);
  });

  test('stops at 100 signature checks among keys of one name', () => {
    const root = authority();
    const anonymous = { name: 'site', without: [oids.subjectKeyIdentifier, oids.authorityKeyIdentifier] };
    const sites = Array.from({ length: 120 }, (_, i) => intermediate(root, { ...anonymous, key: `key ${i}` }));
    const leaf = issue(intermediate(root, { ...anonymous, key: 'none of them' }), anonymous);
    expect(codes(judge({ root, leaf }, { intermediates: certificates(...sites) }))).toContain('budget-signatures');
  });

  test('stops in a mesh that leads nowhere, within its steps', () => {
    const names = Array.from({ length: 9 }, (_, i) => `m${i}`);
    const anchors = names.map(name => authority({ name, key: name }));
    const mesh = anchors.flatMap(issuer => names.map(name => intermediate(issuer, { name, key: name })));
    const verdict = judge({ root: authority(), leaf: issue(anchors[0]!) }, { intermediates: certificates(...mesh) });
    expect(codes(verdict)).toContain('budget-paths');
  });

  test('finds the one good certificate behind 2,000 of the same name and key', () => {
    const root = authority();
    const stranger = authority({ name: 'stranger' });
    const astray = Array.from({ length: 2000 }, () => intermediate(stranger));
    const site = intermediate(root);
    expect(judge({ root, leaf: issue(site) }, { intermediates: certificates(...astray, site) }).valid).toBe(true);
  });

  test('follows a chain of 90 intermediates', () => {
    const root = authority();
    const chain = [root];
    for (let i = 0; i < 90; i++) chain.push(intermediate(chain.at(-1)!, { name: `tier ${i}`, key: `tier ${i}` }));
    const verdict = judge({ root, leaf: issue(chain.at(-1)!) }, { intermediates: certificates(...chain.slice(1)) });
    expect(verdict).toMatchObject({ valid: true });
    expect(verdict.chain).toHaveLength(92);
  });
});
