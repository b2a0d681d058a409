import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../src/config.ts';
import { loadProfile } from '../../src/config/profiles.ts';
import { planNames, subjectFor } from '../../src/issuance/names.ts';
import { formatName, parseName } from '../../src/x509/name.ts';
import { config, intermediate, root } from './authorities.ts';

const service = loadProfile('service', config);
const order = { service: 'user-svc', trustDomain: 'link.internal', issuers: [] };
const none = { dns: [], ip: [], uri: [], email: [] };
const permitting = (dns: string[]) => ({ permitted: { ...none, dns }, excluded: none });

describe('planNames', () => {
  it('gives a service its three DNS names and its SPIFFE ID', () => {
    expect(planNames(service, order)).toEqual({
      names: {
        ...none,
        dns: ['user-svc.link.internal', 'user-svc', 'user-svc.link.local'],
        uri: ['spiffe://link.internal/service/user-svc'],
      },
      dropped: [],
    });
  });

  it('puts the names asked for after them, none twice', () => {
    const extra = { dns: ['api.example.com', 'user-svc'], ip: ['10.0.0.1', '10.0.0.1'], email: ['a@b.c'] };
    expect(planNames(service, { ...order, extra }).names).toMatchObject({
      dns: ['user-svc.link.internal', 'user-svc', 'user-svc.link.local', 'api.example.com'],
      ip: ['10.0.0.1'],
      email: ['a@b.c'],
    });
  });

  it('leaves out the short names that an issuer does not permit, and says which', async () => {
    const issuing = await intermediate(await root(), { nameConstraints: permitting(['link.internal']) });
    const planned = planNames(service, { ...order, issuers: [issuing.certificate] });
    expect(planned.names.dns).toEqual(['user-svc.link.internal']);
    expect(planned.dropped).toEqual(['user-svc', 'user-svc.link.local']);
  });

  it('leaves out what a CA further up excludes, too', async () => {
    const top = await root({ nameConstraints: { permitted: none, excluded: { ...none, dns: ['link.local'] } } });
    const issuing = await intermediate(top);
    const planned = planNames(service, { ...order, issuers: [issuing.certificate, top.certificate] });
    expect(planned.dropped).toEqual(['user-svc.link.local']);
  });

  it('does not leave out a short name that was asked for', async () => {
    const issuing = await intermediate(await root(), { nameConstraints: permitting(['link.internal']) });
    const planned = planNames(service, { ...order, issuers: [issuing.certificate], extra: { dns: ['user-svc'] } });
    expect(planned.names.dns).toContain('user-svc');
    expect(planned.dropped).toEqual(['user-svc.link.local']);
  });

  it('leaves out a short name of digits, which reads as an address', () => {
    expect(planNames(service, { ...order, service: '8' })).toMatchObject({
      names: { dns: ['8.link.internal', '8.link.local'] },
      dropped: ['8'],
    });
  });

  it('lets a SPIFFE ID asked for take the place of the profile’s', () => {
    const extra = { uri: ['spiffe://link.internal/other'] };
    expect(planNames(service, { ...order, extra }).names.uri).toEqual(extra.uri);
  });

  it.each([
    ['another URI beside a SPIFFE ID', 'service', ['https://example.com/']],
    ['two SPIFFE IDs', 'service', ['spiffe://a/b', 'spiffe://a/c']],
    ['a SPIFFE ID under a profile of one purpose', 'server', ['spiffe://a/b']],
  ])('refuses %s', (_, profile, uri) => {
    expect(() => planNames(loadProfile(profile, config), { ...order, extra: { uri } })).toThrow(
      expect.objectContaining({ code: 'policy-refused' }) as Error,
    );
  });

  it('takes any URIs under a profile without a SPIFFE ID', () => {
    const uri = ['https://a.b/', 'urn:uuid:0'];
    expect(planNames(loadProfile('server', config), { ...order, extra: { uri } }).names.uri).toEqual(uri);
  });
});

describe('subjectFor', () => {
  const subject = (values: Parameters<typeof subjectFor>[1], profile = service) =>
    formatName(parseName(subjectFor(profile, values)));

  it('fills the placeholders', () => {
    expect(subject({ service: 'user-svc', trustDomain: 'link.internal' })).toBe('CN=user-svc.link.internal');
    expect(subject({ authority: 'site-a', trustDomain: 'a.b' }, loadProfile('intermediate', config))).toBe(
      'CN=site-a CA,O=a.b',
    );
  });

  it('takes the short name for the common name where the full one is too long', () => {
    const long = 'x'.repeat(63);
    expect(subject({ service: long, trustDomain: 'link.internal' })).toBe(`CN=${long}`);
    const exact = 'x'.repeat(64 - '.link.internal'.length);
    expect(subject({ service: exact, trustDomain: 'link.internal' })).toBe(`CN=${exact}.link.internal`);
  });

  it('keeps the rest of the subject then', () => {
    const changed = parseConfig(`profiles: {service: {subject: 'CN={service}.{trust-domain},O=Link'}}`, 'mtlsctl.yaml');
    const long = 'x'.repeat(60);
    expect(subject({ service: long, trustDomain: 'link.internal' }, loadProfile('service', changed))).toBe(
      `CN=${long},O=Link`,
    );
  });

  it('refuses a placeholder that has no value', () => {
    expect(() => subject({ authority: 'a', trustDomain: 'b' })).toThrow('{service}');
  });
});
