import { oids } from '../../src/der/object-identifiers.ts';
import { explicit, ia5String, implicit, integer, oid, sequence, setOf, utf8String } from '../../src/der/writer.ts';
import type { ReferenceName } from '../../src/path/reference-names.ts';
import { KeyUsage } from '../../src/x509/extensions.ts';
import {
  day,
  directoryName,
  dnsName,
  emailName,
  extension,
  nameDer,
  now,
  subnetName,
  testKey,
  uriName,
  type CertificateOptions,
  type TestExtension,
  type TestKey,
} from '../path/certificates.ts';
import { keyOfKind } from './keys.ts';
import { baseRequest, type CrlPlan, type Plan } from './plan.ts';
import type { Random } from './random.ts';

/** The policy that every certificate of a chain with policies has. */
export const policy = '1.3.6.1.4.1.55555.1.1';
export const otherPolicy = '1.3.6.1.4.1.55555.1.2';

export const policiesOf = (...policies: readonly string[]): TestExtension =>
  extension(oids.certificatePolicies, false, sequence(...policies.map(item => sequence(oid(item)))));

export const organization = [oids.organizationName, 'Link'] as const;

/** A subject under the organization that directory constraints speak of. */
export const subjectOf = (name: string, ...more: readonly (readonly [string, string])[]): Uint8Array =>
  nameDer(organization, ...more, [oids.commonName, name]);

/** The same with an e-mail address, whose attribute is an IA5String: RFC 5280, appendix A.1. */
export const subjectWithEmail = (name: string, address: string, string = ia5String): Uint8Array =>
  sequence(
    setOf(sequence(oid(oids.organizationName), utf8String('Link'))),
    setOf(sequence(oid(oids.emailAddress), string(address))),
    setOf(sequence(oid(oids.commonName), utf8String(name))),
  );

const leafNames = {
  dns: ['svc.link.internal', 'svc', 'svc.link.local', '*.link.internal', 'a.b.link.internal'],
  ip: ['10.1.2.3', '192.168.7.7', 'fd00::17'],
  email: ['user@link.internal', 'First.Last@mail.link.internal'],
  uri: ['spiffe://link.internal/service/svc', 'https://svc.link.internal:8443/path'],
} as const;

/** A chain that both verifiers must accept. */
export function validPlan(random: Random): Plan {
  const intermediates = random.pick([0, 1, 1, 1, 1, 2, 2, 3]);
  const withPolicies = random.chance(0.15);
  const leaf = leafOptions(random);
  const certificates: CertificateOptions[] = [];
  for (let place = 0; place <= intermediates; place++) {
    certificates.push(caOptions(random, place, intermediates - place, withPolicies));
  }
  certificates.push(withPolicies ? withPolicy(leaf) : leaf);
  return {
    certificates,
    anchor: random.chance(0.1) && intermediates > 0 ? 1 + random.integer(intermediates) : 0,
    withheld: new Set(),
    crls: random.chance(0.45) ? crlPlans(random, intermediates) : undefined,
    more: [],
    request: {
      ...baseRequest,
      purpose: random.pick(['server', 'client', 'any']),
      strict: random.chance(0.4),
      name: random.chance(0.4) ? referenceName(random, leaf) : undefined,
      policies: withPolicies
        ? {
            initialPolicySet: [random.chance(0.7) ? policy : oids.anyPolicy],
            requireExplicitPolicy: random.chance(0.7),
            inhibitPolicyMapping: random.chance(0.2),
            inhibitAnyPolicy: random.chance(0.2),
          }
        : undefined,
    },
  };
}

const withPolicy = (options: CertificateOptions): CertificateOptions => ({
  ...options,
  extensions: [...(options.extensions ?? []), policiesOf(policy)],
});

function caOptions(random: Random, place: number, below: number, withPolicies: boolean): CertificateOptions {
  const name = place === 0 ? 'root' : `site-${place}`;
  const options: CertificateOptions = {
    name,
    subject: subjectOf(name),
    key: randomKey(random, name),
    ca: true,
    ...(random.chance(0.4) ? { pathLength: below + random.integer(3) } : {}),
    extendedKeyUsage: place > 0 && random.chance(0.3) ? [oids.serverAuth, oids.clientAuth] : null,
    ...(random.chance(0.3) ? constraintsFor(random) : {}),
    ...randomDates(random),
    ...randomSerial(random),
  };
  return withPolicies && place > 0 ? withPolicy(options) : options;
}

function randomKey(random: Random, name: string): TestKey {
  if (random.chance(0.75)) return testKey(`fuzz ${name}`);
  return keyOfKind(random.pick(['p384', 'p521', 'ed25519', 'ed448', 'rsa 2048', 'rsa 2048 with PSS']));
}

function randomDates(random: Random): CertificateOptions {
  return { notBefore: now - (1 + random.integer(900)) * day, notAfter: now + (1 + random.integer(900)) * day };
}

const randomSerial = (random: Random): CertificateOptions => ({
  serial: (BigInt(random.integer(2 ** 31)) << 31n) + BigInt(random.integer(2 ** 31)) + 1n,
});

/** Constraints that all the names of leafNames and subjectOf() lie within. */
function constraintsFor(random: Random): CertificateOptions {
  const permitted = [
    ...(random.chance(0.6) ? [dnsName('link.internal'), dnsName('svc'), dnsName('link.local')] : []),
    ...(random.chance(0.4) ? [subnetName('10.0.0.0/8'), subnetName('192.168.0.0/16'), subnetName('fd00::/8')] : []),
    ...(random.chance(0.3) ? [emailName('link.internal'), emailName('.link.internal')] : []),
    ...(random.chance(0.3) ? [uriName('link.internal'), uriName('.link.internal')] : []),
    ...(random.chance(0.3) ? [directoryName(nameDer(organization))] : []),
  ];
  const excluded = [
    ...(random.chance(0.3) ? [dnsName('example.com')] : []),
    ...(random.chance(0.2) ? [subnetName('10.99.0.0/16')] : []),
    ...(random.chance(0.2) ? [emailName('nobody@link.internal')] : []),
  ];
  return { ...(permitted.length > 0 ? { permitted } : {}), ...(excluded.length > 0 ? { excluded } : {}) };
}

function leafOptions(random: Random): CertificateOptions {
  return {
    name: 'svc',
    subject: subjectOf('svc'),
    key: randomKey(random, 'svc'),
    dns: [...random.shuffle(leafNames.dns).slice(0, 1 + random.integer(4))],
    ...(random.chance(0.4) ? { ip: [random.pick(leafNames.ip)] } : {}),
    ...(random.chance(0.3) ? { email: [random.pick(leafNames.email)] } : {}),
    ...(random.chance(0.5) ? { uri: [random.pick(leafNames.uri)] } : {}),
    keyUsage: random.pick([KeyUsage.digitalSignature, KeyUsage.digitalSignature | KeyUsage.keyAgreement, null]),
    ...(random.chance(0.15) ? { extendedKeyUsage: null } : {}),
    ...randomDates(random),
    ...randomSerial(random),
  };
}

/** One that the leaf has; a wildcard is asked for by a name that it stands for. OpenSSL does not look for URIs. */
function referenceName(random: Random, leaf: CertificateOptions): ReferenceName {
  const names: ReferenceName[] = [
    ...(leaf.dns ?? []).map(value => ({ kind: 'dns' as const, value: value.replace('*', 'any') })),
    ...(leaf.ip ?? []).map(value => ({ kind: 'ip' as const, value })),
    ...(leaf.email ?? []).map(value => ({ kind: 'email' as const, value })),
  ];
  return random.pick(names);
}

function crlPlans(random: Random, intermediates: number): Map<number, CrlPlan> {
  const plans = new Map<number, CrlPlan>();
  for (let place = 0; place <= intermediates; place++) {
    plans.set(place, {
      options: {
        thisUpdate: now - (1 + random.integer(20)) * day,
        nextUpdate: now + (1 + random.integer(20)) * day,
        number: BigInt(random.integer(1000)),
      },
      revokes: [],
    });
  }
  return plans;
}

/** A SkipCerts of policyConstraints and inhibitAnyPolicy. */
export const policyConstraintsOf = (requireExplicitPolicy?: number, inhibitPolicyMapping?: number): TestExtension =>
  extension(
    oids.policyConstraints,
    true,
    sequence(
      ...(requireExplicitPolicy === undefined ? [] : [implicit(0, Uint8Array.of(requireExplicitPolicy))]),
      ...(inhibitPolicyMapping === undefined ? [] : [implicit(1, Uint8Array.of(inhibitPolicyMapping))]),
    ),
  );

export const inhibitAnyPolicyOf = (certificates: number): TestExtension =>
  extension(oids.inhibitAnyPolicy, true, integer(certificates));

/** A CRL distribution point of one URI. */
export const pointAt = (uri: string): Uint8Array => explicit(0, implicitConstructedFullName(uri));

const implicitConstructedFullName = (uri: string): Uint8Array => explicit(0, uriName(uri));
