import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config.ts';
import { noNames, type ServiceFile } from '../../src/config/service-file.ts';
import { decide } from '../../src/deployment/decision.ts';
import { planService, referenceNames } from '../../src/deployment/plan.ts';
import { keyTypeOf } from '../../src/keys/key-types.ts';
import { verifyChain } from '../../src/path/verify.ts';
import { config, day, intermediate, leaf, now, root } from '../issuance/authorities.ts';

const plan = (settings: Partial<ServiceFile> = {}, from = config) =>
  planService('user-svc', { ...noNames, ...settings }, from, []);

describe('planService', () => {
  it('decides by profile and configuration what is not asked for', () => {
    expect(plan()).toMatchObject({
      service: 'user-svc',
      keyType: 'ec-p256',
      validity: 90 * day,
      dropped: [],
      wanted: {
        subject: 'CN=user-svc.link.internal',
        names: [
          ...['DNS:user-svc.link.internal', 'DNS:user-svc', 'DNS:user-svc.link.local'],
          'URI:spiffe://link.internal/service/user-svc',
        ],
        issuer: undefined,
      },
    });
  });

  it('takes what is asked for, in the form in which a certificate has it', () => {
    const asked = plan({
      keyType: 'rsa-2048',
      validity: 30 * day,
      dns: ['db.example'],
      ip: ['2001:DB8:0::1', '10.0.0.1'],
      email: ['ops@example.org'],
    });
    expect(asked).toMatchObject({ keyType: 'rsa-2048', validity: 30 * day });
    expect(asked.wanted.names).toEqual(
      expect.arrayContaining(['DNS:db.example', 'IP:2001:db8::1', 'IP:10.0.0.1', 'email:ops@example.org']),
    );
  });

  it('follows the trust domain of mtlsctl.yaml', () => {
    const { wanted } = plan({}, loadConfig('trustDomain: prod.example\n', 'mtlsctl.yaml'));
    expect(wanted.subject).toBe('CN=user-svc.prod.example');
  });

  it('refuses a profile that is none, and one that is not for services', () => {
    expect(() => plan({ profile: 'nonsense' })).toThrow(expect.objectContaining({ code: 'bad-value' }) as Error);
    expect(() => plan({ profile: 'root' })).toThrow(
      expect.objectContaining({ code: 'bad-value', hints: [expect.stringContaining('service')] }) as Error,
    );
  });

  it('leaves short names out that the constraints of the issuer exclude, and says so', async () => {
    const top = await root();
    const site = await intermediate(top, {
      nameConstraints: {
        permitted: { dns: ['link.internal'], uri: [], ip: [], email: [] },
        excluded: { dns: [], uri: [], ip: [], email: [] },
      },
    });
    const planned = planService('user-svc', noNames, config, [site.certificate, top.certificate]);
    expect(planned.names.dns).toEqual(['user-svc.link.internal']);
    expect(planned.dropped).toEqual(['user-svc', 'user-svc.link.local']);
    expect(planned.wanted.issuer?.notAfter).toBe(site.certificate.notAfter);
  });

  it('is met by what is issued from it, so that a second run finds nothing to do', async () => {
    const top = await root();
    const site = await intermediate(top);
    const issuers = [site.certificate, top.certificate];
    for (const keyType of ['ec-p256', 'ed25519', 'rsa-2048'] as const) {
      const { names, subject, wanted, validity } = planService('user-svc', { ...noNames, keyType }, config, issuers);
      const certificate = await leaf(site, { keyType, names, subject, validity });
      const installed = { state: 'readable', certificate, chain: [], anchors: [], keyMatches: true } as const;
      expect(decide(installed, wanted, keyTypeOf(certificate.subjectPublicKeyInfo), now)).toEqual([]);
    }
  });
});

describe('referenceNames', () => {
  it('are names that a verifier finds in what is issued, wildcards too', async () => {
    const top = await root();
    const site = await intermediate(top);
    const settings = { ...noNames, dns: ['*.db.example'], ip: ['10.0.0.1'], email: ['ops@example.org'] };
    const { names, subject } = planService('user-svc', settings, config, [site.certificate, top.certificate]);
    const verdict = verifyChain({
      leaf: await leaf(site, { names, subject }),
      trustAnchors: [top.certificate],
      intermediates: [site.certificate],
      names: referenceNames(names),
      ...{ at: now, purpose: 'mutual', profile: 'rfc5280', strict: false },
    });
    expect(verdict.reasons).toEqual([]);
    expect(referenceNames(names)).toContainEqual({ kind: 'dns', value: 'wildcard.db.example' });
  });
});
