import { oids } from '../../../src/der/object-identifiers.ts';
import { encode, oid, sequence, setOf } from '../../../src/der/writer.ts';
import { authority, day, intermediate, issue, now, testKey } from '../../path/certificates.ts';
import { inhibitAnyPolicyOf, otherPolicy, policiesOf, policy, policyConstraintsOf, subjectOf } from '../generate.ts';
import { extension } from '../../path/certificates.ts';
import { caPlaces, change, changeExtensions, leafPlace, type Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Mutations } from './mutation.ts';

const rdn = (type: string, tag: number, value: string): Uint8Array =>
  setOf(sequence(oid(type), encode(tag, Uint8Array.from(Buffer.from(value, tag === 30 ? 'utf16le' : 'latin1')))));

/** The same name by the comparison of RFC 5280, 7.1, in other octets; the last is another name. */
const spellings = (name: string): readonly Uint8Array[] => [
  sequence(rdn(oids.organizationName, 19, 'Link'), rdn(oids.commonName, 19, name)),
  sequence(rdn(oids.organizationName, 12, 'LINK'), rdn(oids.commonName, 12, name.toUpperCase())),
  sequence(rdn(oids.organizationName, 12, ' Link '), rdn(oids.commonName, 12, `${name} `)),
  sequence(rdn(oids.organizationName, 19, 'link'), rdn(oids.commonName, 12, name)),
  sequence(rdn(oids.commonName, 12, name), rdn(oids.organizationName, 12, 'Link')),
];

/** CAs under the anchor, which can be left out or repeated. */
const intermediatesOf = (plan: Plan): readonly number[] => caPlaces(plan).slice(1);

function insertSelfIssued(plan: Plan, place: number): void {
  const issuer = plan.certificates[place]!;
  const { pathLength: _limit, ...same } = issuer;
  const rolledOver = { ...same, key: testKey('fuzz rolled over'), extendedKeyUsage: null, serial: 77n };
  plan.certificates = [...plan.certificates.slice(0, place + 1), rolledOver, ...plan.certificates.slice(place + 1)];
  if (plan.crls === undefined) return;
  const crls = [...plan.crls].map(([at, crl]) => [at > place ? at + 1 : at, crl] as const);
  plan.crls.clear();
  for (const [at, crl] of crls) plan.crls.set(at, crl);
  plan.crls.set(place + 1, plan.crls.get(place)!);
}

export const chainMutations: Mutations = {
  'nothing at all': () => true,
  'intermediate missing': (plan, random) => {
    const there = intermediatesOf(plan);
    if (there.length === 0) return false;
    plan.withheld.add(random.pick(there));
    return true;
  },
  'another root of the same name': (plan, random) => {
    if (plan.anchor !== 0) return false;
    const root = authority({ subject: subjectOf('root'), key: 'fuzz another root', notAfter: now + day });
    plan.withheld.add(0);
    plan.anchor = 0;
    const instead = random.chance(0.5);
    plan.more.push(() => ({ anchors: [root.certificate] }));
    if (instead) plan.anchor = -1;
    return true;
  },
  'anchor is not trusted': plan => {
    plan.more.push(() => ({ anchors: [authority({ name: 'unrelated', key: 'fuzz unrelated' }).certificate] }));
    plan.anchor = -1;
    return true;
  },
  'anchor is an intermediate': (plan, random) => {
    const there = intermediatesOf(plan);
    if (there.length === 0) return false;
    plan.anchor = random.pick(there);
    return true;
  },
  'anchor is the leaf': plan => {
    plan.anchor = leafPlace(plan);
    return true;
  },
  'two anchors': plan => {
    plan.more.push(chain => ({ anchors: [chain.at(-2)!.certificate] }));
    return true;
  },
  'self-issued intermediate': (plan, random) => {
    insertSelfIssued(plan, random.pick(caPlaces(plan)));
    return true;
  },
  'self-issued intermediate and pathLenConstraint': (plan, random) => {
    const place = random.pick(caPlaces(plan));
    insertSelfIssued(plan, place);
    change(plan, place, { pathLength: random.integer(2) });
    return true;
  },
  'one intermediate more': (plan, random) => {
    const place = random.pick(caPlaces(plan));
    const more = { name: 'extra', subject: subjectOf('extra'), key: testKey('fuzz extra'), ca: true };
    plan.certificates = [...plan.certificates.slice(0, place + 1), more, ...plan.certificates.slice(place + 1)];
    plan.crls = undefined;
    return true;
  },
  'issuer spelt otherwise': (plan, random) => {
    const place = random.pick(caPlaces(plan)) + 1;
    const name = place === 1 ? 'root' : `site-${place - 1}`;
    change(plan, place, { issuerName: random.pick(spellings(name)) });
    return true;
  },
  'expired twin of an intermediate': (plan, random) => twin(plan, random, { notAfter: now - day }),
  'twin of an intermediate with another key': (plan, random) => twin(plan, random, { key: testKey('fuzz twin') }),
  'twin of an intermediate that is no CA': (plan, random) => twin(plan, random, { ca: false }),
  'twin of an intermediate that may sign nothing': (plan, random) => twin(plan, random, { keyUsage: 1 << 0 }),
  'cross-signed by an unknown root': plan => {
    const there = intermediatesOf(plan);
    if (there.length === 0) return false;
    const stranger = authority({ name: 'stranger', key: 'fuzz unrelated' });
    plan.more.push(() => ({
      intermediates: there.map(place => intermediate(stranger, plan.certificates[place]).certificate),
    }));
    return true;
  },
  'unrelated certificates in the pool': plan => {
    plan.more.push(chain => ({
      intermediates: [
        chain.at(-1)!.certificate,
        chain[0]!.certificate,
        issue(chain.at(-2)!, { name: 'other', key: 'fuzz other' }).certificate,
      ],
    }));
    return true;
  },
  'leaf signs a leaf': plan => {
    change(plan, leafPlace(plan), { ca: false });
    const last = plan.certificates.at(-1)!;
    plan.certificates = [
      ...plan.certificates,
      { ...last, name: 'below', subject: subjectOf('below'), key: testKey('fuzz below') },
    ];
    plan.crls = undefined;
    return true;
  },
  'explicit policy demanded': (plan, random) => {
    const strict = { requireExplicitPolicy: true, inhibitPolicyMapping: false, inhibitAnyPolicy: false };
    plan.request = {
      ...plan.request,
      policies: { ...strict, initialPolicySet: [random.pick([policy, otherPolicy, oids.anyPolicy])] },
    };
    return true;
  },
  'policies of a certificate': (plan, random) => {
    const place = 1 + random.integer(leafPlace(plan));
    const policies = random.pick([[oids.anyPolicy], [otherPolicy], [policy, otherPolicy], [oids.anyPolicy, policy]]);
    changeExtensions(plan, place, [policiesOf(...policies)]);
    return true;
  },
  'policyConstraints and inhibitAnyPolicy': (plan, random) => {
    const place = random.integer(leafPlace(plan) + 1);
    const [none, zero, one] = [undefined, 0, 1];
    const constraint = random.pick([
      policyConstraintsOf(zero),
      policyConstraintsOf(one),
      policyConstraintsOf(none, zero),
      policyConstraintsOf(one, one),
      inhibitAnyPolicyOf(0),
    ]);
    changeExtensions(plan, place, [constraint]);
    return true;
  },
  policyMappings: (plan, random) => {
    const place = random.pick(caPlaces(plan));
    const [from, to] = random.pick([
      [policy, otherPolicy],
      [otherPolicy, policy],
      [policy, policy],
      [oids.anyPolicy, policy],
      [policy, oids.anyPolicy],
    ] as const);
    changeExtensions(plan, place, [extension(oids.policyMappings, true, sequence(sequence(oid(from), oid(to))))]);
    return true;
  },
};

/** A second certificate for an intermediate, signed by the same issuer, put in front of it. */
function twin(plan: Plan, random: Random, deviation: Parameters<typeof change>[2]): boolean {
  const there = intermediatesOf(plan);
  if (there.length === 0) return false;
  const place = random.pick(there);
  const options = { ...plan.certificates[place]!, serial: 4242n, ...deviation };
  plan.more.push(chain => ({ intermediates: [intermediate(chain[place - 1]!, options).certificate] }));
  return true;
}
