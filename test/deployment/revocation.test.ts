import { describe, expect, it } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { integer } from '../../src/der/writer.ts';
import { revocationCheck } from '../../src/deployment/revocation.ts';
import { CrlReason } from '../../src/x509/extensions.ts';
import { authority, day, extension, intermediate, issue, now } from '../path/certificates.ts';
import { crl } from '../path/crls.ts';

const root = authority();
const site = intermediate(root);
const { certificate } = issue(site, { dns: ['user-svc'] });
const chain = [certificate, site.certificate, root.certificate];
const revoked = [{ certificate, at: now, reason: CrlReason.keyCompromise }];

describe('revocationCheck', () => {
  it('finds nothing without CRLs, and where they list others', () => {
    expect(revocationCheck([])(chain)).toBeUndefined();
    const other = issue(site).certificate;
    expect(revocationCheck([crl(site, { revoked: [{ certificate: other }] }), crl(root)])(chain)).toBeUndefined();
  });

  it('finds a leaf that its issuer revoked, with reason and date', () => {
    expect(revocationCheck([crl(site, { revoked }), crl(root)])(chain)).toMatchObject({
      place: 'leaf',
      reason: 'keyCompromise',
      revocationDate: now,
    });
  });

  it('finds an intermediate that the root revoked', () => {
    const [above] = [crl(root, { revoked: [{ certificate: site.certificate }] })];
    expect(revocationCheck([above])(chain)).toMatchObject({ place: 'issuer', reason: 'unspecified' });
  });

  it('believes a stale CRL what it lists', () => {
    const stale = crl(site, { revoked, thisUpdate: now - 9 * day, nextUpdate: now - 8 * day });
    expect(revocationCheck([stale])(chain)).toMatchObject({ place: 'leaf' });
  });

  it("takes the newest of an issuer's CRLs: one on hold may have been released since", () => {
    const older = crl(site, { revoked, thisUpdate: now - 2 * day, number: 1n });
    const newer = crl(site, { thisUpdate: now - day, number: 2n });
    expect(revocationCheck([older, newer])(chain)).toBeUndefined();
    expect(revocationCheck([newer, older])(chain)).toBeUndefined();
  });

  it('gives nothing on a CRL that another key signed under the same name', () => {
    const forged = crl(site, { revoked, signer: root.key });
    expect(revocationCheck([forged])(chain)).toBeUndefined();
    expect(revocationCheck([forged, crl(site, { revoked, thisUpdate: now - 3 * day })])(chain)).toBeDefined();
  });

  it('leaves deltas out of account', () => {
    const extensions = [extension(oids.deltaCRLIndicator, true, integer(1n))];
    expect(revocationCheck([crl(site, { revoked, extensions })])(chain)).toBeUndefined();
  });
});
