import { oids } from '../../../src/der/object-identifiers.ts';
import {
  explicit,
  implicit,
  implicitConstructed,
  integer,
  nullValue,
  sequence,
  utf8String,
} from '../../../src/der/writer.ts';
import { KeyUsage } from '../../../src/x509/extensions.ts';
import {
  directoryName,
  dnsName,
  emailName,
  extension,
  intermediate,
  testKey,
  uriName,
} from '../../path/certificates.ts';
import { issuingPoint, pointName } from '../../path/crls.ts';
import { subjectWithEmail } from '../generate.ts';
import { caPlaces, change, changeCrl, changeExtensions, leafPlace, type Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Mutations } from './mutation.ts';

const someCa = (plan: Plan, random: Random): number => random.pick(caPlaces(plan));

const uris = ['https://link.internal?x=//other', 'https://a:b@link.internal:1/', 'https://link.internal#x:y'];

/** Combinations on which the two verifiers are known to differ, and which the other mutations hit too seldom to notice that they no longer do. */
export const cornerMutations: Mutations = {
  'keyUsage of a leaf without bits': plan => {
    plan.request = { ...plan.request, purpose: 'any', strict: false };
    changeExtensions(plan, leafPlace(plan), [extension(oids.keyUsage, true, Uint8Array.of(3, 1, 0))]);
    return true;
  },
  'server gated crypto': plan => {
    plan.request = { ...plan.request, purpose: 'server' };
    change(plan, leafPlace(plan), { extendedKeyUsage: ['1.3.6.1.4.1.311.10.3.3'] });
    return true;
  },
  'anyExtendedKeyUsage alone': (plan, random) => {
    plan.request = { ...plan.request, purpose: random.pick(['server', 'client']) };
    change(plan, leafPlace(plan), { extendedKeyUsage: [oids.anyExtendedKeyUsage] });
    return true;
  },
  'wildcard over an excluded name': (plan, random) => {
    change(plan, leafPlace(plan), { dns: ['*.link.internal'] });
    change(plan, someCa(plan, random), { excluded: [dnsName(random.pick(['a.link.internal', 'a.b.link.internal']))] });
    return true;
  },
  'URI with user information, query or fragment': (plan, random) => {
    change(plan, leafPlace(plan), { uri: [random.pick(uris)] });
    const base = [uriName(random.pick(['link.internal', 'other']))];
    change(plan, someCa(plan, random), random.chance(0.5) ? { permitted: base } : { excluded: base });
    return true;
  },
  'empty constraint': (plan, random) => {
    const [base, leaf] = random.pick([
      [emailName(''), { email: ['user@link.internal'] }],
      [uriName(''), { uri: ['https://link.internal/'] }],
      [dnsName(''), { dns: ['svc.link.internal'] }],
    ] as const);
    change(plan, leafPlace(plan), leaf);
    change(plan, someCa(plan, random), random.chance(0.5) ? { permitted: [base] } : { excluded: [base] });
    return true;
  },
  'partial wildcard': plan => {
    change(plan, leafPlace(plan), { dns: ['sv*.link.internal', 'link.internal'] });
    plan.request = { ...plan.request, name: { kind: 'dns', value: 'svc.link.internal' } };
    return true;
  },
  'wildcard over a single label': plan => {
    change(plan, leafPlace(plan), { dns: ['*.internal'] });
    plan.request = { ...plan.request, name: { kind: 'dns', value: 'link.internal' } };
    return true;
  },
  'final period in both names': plan => {
    change(plan, leafPlace(plan), { dns: ['svc.link.internal.'] });
    for (const place of caPlaces(plan)) {
      const { permitted: _permitted, excluded: _excluded, ...others } = plan.certificates[place]!;
      plan.certificates[place] = others;
    }
    plan.request = { ...plan.request, name: { kind: 'dns', value: 'svc.link.internal.' }, strict: false };
    return true;
  },
  'e-mail address as UTF8String': (plan, random) => {
    change(plan, leafPlace(plan), { subject: subjectWithEmail('svc', 'user@link.internal', utf8String) });
    change(plan, someCa(plan, random), { permitted: [emailName('link.internal'), emailName('.link.internal')] });
    return true;
  },
  'constraint on an address that is none': (plan, random) => {
    const base = implicit(7, Uint8Array.of(10, 1, 2, 3, 255));
    change(plan, someCa(plan, random), random.chance(0.5) ? { permitted: [base] } : { excluded: [base] });
    change(plan, leafPlace(plan), { dns: ['svc'], ip: [] });
    return true;
  },
  'distribution point for some reasons': (plan, random) => {
    if (plan.crls === undefined) return false;
    const place = someCa(plan, random);
    const point = sequence(
      implicitConstructed(0, implicitConstructed(0, uriName('http://crl'))),
      implicit(1, Uint8Array.of(5, 0x60)),
    );
    changeExtensions(plan, place + 1, [extension(oids.cRLDistributionPoints, false, sequence(point))]);
    return true;
  },
  'final period in the name asked for': plan => {
    change(plan, leafPlace(plan), { dns: ['svc.link.internal'] });
    plan.request = { ...plan.request, name: { kind: 'dns', value: 'svc.link.internal.' } };
    return true;
  },
  'policies of the anchor that do not parse': plan => {
    changeExtensions(plan, plan.anchor, [extension(oids.certificatePolicies, false, nullValue())]);
    return true;
  },
  'critical cRLNumber or authorityKeyIdentifier': (plan, random) => {
    if (plan.crls === undefined) return false;
    const place = someCa(plan, random);
    plan.request = { ...plan.request, strict: false };
    changeCrl(plan, place, { extensions: [extension(oids.cRLNumber, true, integer(7))] });
    return true;
  },
  'strict, and a CRL without number or key identifier': (plan, random) => {
    if (plan.crls === undefined) return false;
    plan.request = { ...plan.request, strict: true };
    changeCrl(plan, someCa(plan, random), {
      without: [random.pick([oids.cRLNumber, oids.authorityKeyIdentifier])],
    });
    return true;
  },
  'CRL of another point': (plan, random) => {
    if (plan.crls === undefined) return false;
    const place = someCa(plan, random);
    const issuer = plan.certificates[place]?.subject ?? sequence();
    const point = sequence(explicit(0, explicit(0, uriName('http://crl.link.internal/elsewhere.crl'))));
    changeExtensions(plan, place + 1, [extension(oids.cRLDistributionPoints, false, sequence(point))]);
    changeCrl(plan, place, { extensions: [issuingPoint(pointName(issuer))] });
    return true;
  },
  'signer of a CRL that breaks a rule': (plan, random) => {
    const place = someCa(plan, random);
    if (plan.crls === undefined || place === 0 || place === plan.anchor) return false;
    plan.request = { ...plan.request, strict: true };
    const signer = testKey('fuzz CRL signer');
    changeCrl(plan, place, { signer });
    const options = { ...plan.certificates[place]!, key: signer, ca: false, keyUsage: KeyUsage.cRLSign, pathLength: 0 };
    plan.more.push(chain => ({ intermediates: [intermediate(chain[place - 1]!, options).certificate] }));
    return true;
  },
  'authorityCertIssuer of another certificate': (plan, random) => {
    const place = 1 + random.integer(leafPlace(plan));
    const fields = [implicitConstructed(1, directoryName(sequence())), implicit(2, Uint8Array.of(9))];
    changeExtensions(plan, place, [extension(oids.authorityKeyIdentifier, false, sequence(...fields))]);
    return true;
  },
};
