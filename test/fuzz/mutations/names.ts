import { oids } from '../../../src/der/object-identifiers.ts';
import { ia5String, implicit, implicitConstructed, sequence, utf8String } from '../../../src/der/writer.ts';
import type { ReferenceName } from '../../../src/path/reference-names.ts';
import {
  directoryName,
  dnsName,
  emailName,
  extension,
  nameDer,
  nameWith,
  subnetName,
  uriName,
  type CertificateOptions,
} from '../../path/certificates.ts';
import { organization, subjectOf, subjectWithEmail } from '../generate.ts';
import { caPlaces, change, changeExtensions, leafPlace, type Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Mutation, Mutations } from './mutation.ts';

/** A constraint in some CA, the name alone in the leaf: the pair is what is tried. */
function constrained(plan: Plan, random: Random, bases: readonly Uint8Array[], leaf: CertificateOptions): boolean {
  const { dns: _dns, ip: _ip, email: _email, uri: _uri, ...rest } = plan.certificates[leafPlace(plan)]!;
  plan.certificates[leafPlace(plan)] = { ...rest, dns: [], ...leaf };
  const count = 1 + random.integer(2);
  const chosen = random.shuffle(bases).slice(0, count);
  for (const place of caPlaces(plan)) {
    const { permitted: _permitted, excluded: _excluded, ...others } = plan.certificates[place]!;
    plan.certificates[place] = others;
  }
  plan.request = { ...plan.request, name: undefined };
  change(plan, random.pick(caPlaces(plan)), random.chance(0.5) ? { permitted: chosen } : { excluded: chosen });
  return true;
}

const dnsBases = [
  ...['link.internal', '.link.internal', 'svc.link.internal', 'ink.internal', '', '.', 'LINK.Internal', 'internal'],
  ...['other.example', 'a.svc.link.internal', '*.link.internal', 'link.internal.', 'li nk', 'a_b.link.internal', 'svc'],
].map(dnsName);

const dnsNames = [
  ...['svc.link.internal', 'link.internal', '*.link.internal', '*.svc.link.internal', 'SVC.Link.Internal', 'svc'],
  ...['blink.internal', 'svc.link.internal.', '*.internal', 'sv*.link.internal', '*', 'a_b.link.internal'],
  ...['a..link.internal', '.link.internal', '', '10.1.2.3', 'xn--bcher-kva.link.internal', 'svc.link.internal\0.com'],
];

const emailBases = [
  ...['user@link.internal', 'link.internal', '.link.internal', 'LINK.internal', 'User@link.internal', '@link.internal'],
  ...['', 'other.example', 'mail.link.internal', 'user@LINK.internal', '"us er"@link.internal'],
].map(emailName);

const emailNames = [
  ...['user@link.internal', 'USER@link.internal', 'user@LINK.internal', 'user@mail.link.internal', '@link.internal'],
  ...[
    '"us er"@link.internal',
    '"a@b"@link.internal',
    'link.internal',
    'user@',
    'a@b@link.internal',
    'user@other.example',
  ],
];

const uriBases = ['link.internal', '.link.internal', 'svc.link.internal', 'other', '', 'LINK.internal', '10.0.0.1'].map(
  uriName,
);

const uriNames = [
  ...['spiffe://link.internal/service/svc', 'https://svc.link.internal:8443/x', 'https://user@link.internal/', 'urn:x'],
  ...['https://10.0.0.1/', 'https://[fd00::1]/', 'https:/link.internal', 'https://LINK.internal', '//link.internal/x'],
  ...[
    'https://link.internal?x=//other',
    'https://a:b@link.internal:1/',
    'https://',
    'link.internal',
    'https://svc.link.internal',
  ],
];

const ipBases = [
  ...['10.0.0.0/8', '10.1.2.3/32', '0.0.0.0/0', '192.168.0.0/16', 'fd00::/8', '::/0', '::ffff:10.1.2.3/128'].map(
    subnetName,
  ),
  implicit(7, Uint8Array.of(10, 1, 2, 3, 255, 0, 255, 0)),
  implicit(7, Uint8Array.of(10, 1, 2, 3, 255)),
  implicit(7, Uint8Array.of(10, 9, 9, 9, 255, 0, 0, 0)),
];

const ipNames = ['10.1.2.3', '192.168.1.1', 'fd00::1', '::ffff:10.1.2.3', '0.0.0.0', '255.255.255.255'];

const directoryBases = [
  nameDer(organization),
  nameDer([oids.organizationName, 'LINK']),
  nameDer([oids.organizationName, ' Link ']),
  nameDer([oids.organizationName, 'Other']),
  nameWith(oids.organizationName, 19, 'Link'),
  subjectOf('svc'),
  subjectOf('svc', [oids.organizationalUnitName, 'Unit']),
  nameDer([oids.commonName, 'svc']),
  sequence(),
].map(directoryName);

const subjects = [
  subjectOf('svc'),
  subjectOf('svc', [oids.organizationalUnitName, 'Unit']),
  subjectWithEmail('svc', 'user@link.internal'),
  nameDer([oids.commonName, 'svc']),
  nameDer([oids.organizationName, 'link'], [oids.commonName, 'SVC']),
  nameWith(oids.organizationName, 19, 'Link'),
];

const pair =
  (bases: readonly Uint8Array[], leaf: (random: Random) => CertificateOptions): Mutation =>
  (plan, random) =>
    constrained(plan, random, bases, leaf(random));

const some = <T>(random: Random, items: readonly T[]): readonly T[] =>
  random.shuffle(items).slice(0, random.chance(0.8) ? 1 : 2);

const hosts = [
  'svc.link.internal',
  'any.link.internal',
  'SVC.LINK.INTERNAL',
  'svc.link.internal.',
  'svc',
  'a.b.link.internal',
];
const odd = [
  'link.internal',
  'a.any.link.internal',
  'other.example',
  '.link.internal',
  'svc..internal',
  'any.svc.link.internal',
];

const references: Readonly<Record<'dns' | 'ip' | 'email', readonly string[]>> = {
  dns: [...hosts, ...odd],
  ip: ['10.1.2.3', '10.1.2.4', 'fd00::17', 'FD00:0::17', '::ffff:10.1.2.3', '192.168.7.7'],
  email: [
    ...[
      'user@link.internal',
      'USER@link.internal',
      'user@LINK.INTERNAL',
      'other@link.internal',
      'user@svc.link.internal',
    ],
    'First.Last@mail.link.internal',
  ],
};

const ask =
  (kind: keyof typeof references, presented: (random: Random) => CertificateOptions = () => ({})): Mutation =>
  (plan, random) => {
    change(plan, leafPlace(plan), presented(random));
    const name: ReferenceName = { kind, value: random.pick(references[kind]) };
    plan.request = { ...plan.request, name };
    return true;
  };

export const nameMutations: Mutations = {
  'DNS constraint': pair(dnsBases, random => ({ dns: some(random, dnsNames) })),
  'DNS constraint and a common name': pair(dnsBases, random => ({
    dns: [],
    uri: ['urn:x'],
    subject: subjectOf(random.pick(['svc.link.internal', 'other.example', 'a person'])),
  })),
  'e-mail constraint': pair(emailBases, random => ({ email: some(random, emailNames) })),
  'e-mail constraint and an address in the subject': pair(emailBases, random => ({
    ...(random.chance(0.5) ? { dns: ['svc.link.internal'] } : { dns: [] }),
    subject: subjectWithEmail('svc', random.pick(emailNames), random.chance(0.7) ? ia5String : utf8String),
  })),
  'URI constraint': pair(uriBases, random => ({ uri: some(random, uriNames) })),
  'IP constraint': pair(ipBases, random => ({ ip: some(random, ipNames) })),
  'directory constraint': pair(directoryBases, random => ({ dns: ['svc'], subject: random.pick(subjects) })),
  'directory constraint and a directory name': pair(directoryBases, random => ({
    otherNames: [directoryName(random.pick(subjects))],
  })),
  'constraint of another form': pair(
    [implicit(8, Uint8Array.of(0x2a, 3)), implicitConstructed(0, Uint8Array.of(6, 2, 0x2a, 3))],
    random => ({
      otherNames: [
        random.pick([implicit(8, Uint8Array.of(0x2a, 3)), implicit(8, Uint8Array.of(0x2a, 4)), dnsName('svc')]),
      ],
    }),
  ),
  'constraint with minimum or maximum': (plan, random) => {
    const field = random.pick([implicit(0, Uint8Array.of(1)), implicit(1, Uint8Array.of(0))]);
    const trees = implicitConstructed(0, sequence(dnsName(''), field));
    changeExtensions(plan, random.pick(caPlaces(plan)), [extension(oids.nameConstraints, true, sequence(trees))]);
    return true;
  },
  'constraints empty or not critical': (plan, random) => {
    const trees = implicitConstructed(0, sequence(dnsName('other.example')));
    const none = extension(oids.nameConstraints, true, sequence());
    const loose = extension(oids.nameConstraints, false, sequence(trees));
    changeExtensions(plan, random.pick(caPlaces(plan)), [random.pick([none, loose])]);
    return true;
  },
  'constraints in a leaf': plan => {
    change(plan, leafPlace(plan), { permitted: [dnsName('other.example')] });
    return true;
  },
  'name of a CA under a constraint': (plan, random) => {
    const [top, below] = caPlaces(plan);
    if (top === undefined || below === undefined) return false;
    const [permitted, dns] = random.pick([
      ['link.internal', 'ca.link.internal'],
      ['link.internal', 'ca.other.example'],
    ] as const);
    change(plan, top, { permitted: [dnsName(permitted)] });
    change(plan, below, { dns: [dns] });
    return true;
  },
  'DNS name asked for': ask('dns'),
  'DNS name asked for, odd name presented': ask('dns', random => ({ dns: some(random, dnsNames) })),
  'DNS name asked for, common name alone': ask('dns', random => ({
    dns: [],
    ip: [],
    email: [],
    uri: random.chance(0.5) ? ['urn:x'] : [],
    subject: subjectOf('svc.link.internal'),
  })),
  'IP address asked for': ask('ip'),
  'IP address asked for, as a DNS name': ask('ip', () => ({ ip: [], dns: ['10.1.2.3'] })),
  'e-mail address asked for': ask('email'),
  'e-mail address asked for, presented': ask('email', random => ({ email: some(random, emailNames) })),
  'e-mail address asked for, in the subject': ask('email', () => ({
    email: [],
    subject: subjectWithEmail('svc', 'user@link.internal'),
  })),
};
