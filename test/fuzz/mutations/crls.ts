import { oids } from '../../../src/der/object-identifiers.ts';
import { explicit, implicit, implicitConstructed, integer, nullValue, sequence } from '../../../src/der/writer.ts';
import { CrlReason, KeyUsage } from '../../../src/x509/extensions.ts';
import { day, directoryName, extension, intermediate, now, testKey, uriName } from '../../path/certificates.ts';
import { crl, issuingPoint, pointName, yes, type CrlOptions } from '../../path/crls.ts';
import { subjectOf } from '../generate.ts';
import { keyOfKind, withBrokenSignatures } from '../keys.ts';
import { caPlaces, change, changeCrl, changeExtensions, leafPlace, type Plan } from '../plan.ts';
import type { Random } from '../random.ts';
import type { Mutation, Mutations } from './mutation.ts';

/** Of a CA in the path that is judged; revocation has to be checked at all. */
function someCrl(plan: Plan, random: Random): number | undefined {
  return plan.crls === undefined ? undefined : random.pick(caPlaces(plan));
}

const unknown = extension('1.3.6.1.4.1.55555.2', true, nullValue());

const deviation =
  (options: readonly CrlOptions[]): Mutation =>
  (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    changeCrl(plan, place, random.pick(options));
    return true;
  };

function revoke(plan: Plan, random: Random, entry: object): boolean {
  const place = someCrl(plan, random);
  const known = place === undefined ? undefined : plan.crls?.get(place);
  if (place === undefined || known === undefined) return false;
  plan.crls?.set(place, { ...known, revokes: [{ place: place + 1, ...entry }] });
  return true;
}

const here = 'http://crl.link.internal/here.crl';
const elsewhere = 'http://crl.link.internal/elsewhere.crl';
const fullName = (uri: string): Uint8Array => explicit(0, explicit(0, uriName(uri)));
const points = (...fields: readonly (readonly Uint8Array[])[]) =>
  extension(oids.cRLDistributionPoints, false, sequence(...fields.map(field => sequence(...field))));

/** ReasonFlags: keyCompromise and cACompromise. */
const someReasons = Uint8Array.of(5, 0x60);

const scopes = [
  [implicit(1, yes)],
  [implicit(2, yes)],
  [implicit(5, yes)],
  [implicit(4, yes)],
  [implicit(3, someReasons)],
  [fullName(here)],
  [pointName(subjectOf('root'))],
  [],
];

export const crlMutations: Mutations = {
  'CRL stale': deviation([{ nextUpdate: now - 1000 }, { nextUpdate: now - day, thisUpdate: now - 9 * day }]),
  'CRL at the end of its time': deviation([{ nextUpdate: now }, { thisUpdate: now }]),
  'CRL of the future': deviation([{ thisUpdate: now + 1000 }, { thisUpdate: now + day, nextUpdate: now + 9 * day }]),
  'CRL without nextUpdate': deviation([{ nextUpdate: null }]),
  'CRL missing': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    plan.crls?.delete(place);
    return true;
  },
  'no CRL at all': plan => {
    if (plan.crls === undefined) return false;
    plan.crls.clear();
    return true;
  },
  'CRL of another signer': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    const own = plan.certificates[place]?.key;
    const broken = typeof own === 'object' ? withBrokenSignatures(own) : testKey('fuzz stranger');
    const weak = keyOfKind('p256 with SHA-1');
    changeCrl(plan, place, { signer: random.pick([testKey('fuzz stranger'), broken, weak]) });
    return true;
  },
  'CRL of another name': deviation([{ issuerName: subjectOf('stranger') }, { issuerName: sequence() }]),
  'CRL signed without cRLSign': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    change(plan, place, { keyUsage: KeyUsage.keyCertSign });
    return true;
  },
  'CRL signed with a key of the same name': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined || place === 0) return false;
    const signer = testKey('fuzz CRL signer');
    const usage = random.pick([KeyUsage.cRLSign, KeyUsage.digitalSignature]);
    changeCrl(plan, place, { signer });
    const options = { ...plan.certificates[place]!, key: signer, serial: 9n, ca: false, keyUsage: usage };
    plan.more.push(chain => ({ intermediates: [intermediate(chain[place - 1]!, options).certificate] }));
    return true;
  },
  'CRL with extensions': deviation([
    { extensions: [unknown] },
    { extensions: [{ ...unknown, critical: false }] },
    { without: [oids.cRLNumber] },
    { without: [oids.authorityKeyIdentifier] },
    { extensions: [extension(oids.cRLNumber, true, integer(7))] },
    { extensions: [extension(oids.authorityKeyIdentifier, true, sequence(implicit(0, new Uint8Array(20))))] },
    { extensions: [extension(oids.authorityKeyIdentifier, false, sequence(implicit(0, new Uint8Array(20))))] },
  ]),
  'CRL with an extension that does not parse': deviation([
    { extensions: [issuingPoint(nullValue())] },
    { extensions: [extension(oids.cRLNumber, false, nullValue())] },
    { extensions: [extension(oids.authorityKeyIdentifier, false, integer(1))] },
  ]),
  'CRL whose algorithms differ': deviation([{ outerAlgorithm: keyOfKind('p384').algorithm }]),
  revoked: (plan, random) => revoke(plan, random, random.chance(0.5) ? {} : { reason: CrlReason.keyCompromise }),
  'revoked, for some reason': (plan, random) =>
    revoke(plan, random, { reason: random.pick([...Object.values(CrlReason), 7, 11]) }),
  'revoked in the future': (plan, random) => revoke(plan, random, { at: now + day }),
  'revoked, with an entry extension': (plan, random) =>
    revoke(plan, random, { extensions: [random.chance(0.5) ? unknown : { ...unknown, critical: false }] }),
  'another serial number is revoked': (plan, random) => {
    const place = someCrl(plan, random);
    const known = place === undefined ? undefined : plan.crls?.get(place);
    if (place === undefined || known === undefined || leafPlace(plan) === place + 1) return false;
    plan.crls?.set(place, {
      ...known,
      revokes: [{ place: leafPlace(plan), ...(random.chance(0.3) ? { extensions: [unknown] } : {}) }],
    });
    return true;
  },
  issuingDistributionPoint: (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    const critical = random.chance(0.8);
    const idp = issuingPoint(...random.pick(scopes));
    changeCrl(plan, place, { extensions: [{ ...idp, critical }] });
    return true;
  },
  'issuingDistributionPoint and cRLDistributionPoints': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    const point = random.pick([
      [fullName(here)],
      [fullName(elsewhere)],
      [pointName(subjectOf('root'))],
      [fullName(here), implicit(1, someReasons)],
      [fullName(here), implicitConstructed(2, directoryName(subjectOf(place === 0 ? 'root' : `site-${place}`)))],
      [fullName(here), implicitConstructed(2, directoryName(subjectOf('stranger')))],
      [implicitConstructed(2, directoryName(subjectOf('stranger')))],
    ]);
    changeExtensions(plan, place + 1, [points(point)]);
    changeCrl(plan, place, { extensions: [issuingPoint(...random.pick(scopes))] });
    return true;
  },
  'two CRLs of some reasons each': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    const rest = implicit(3, random.pick([Uint8Array.of(7, 0x1f, 0x80), Uint8Array.of(7, 0x0f, 0x80)]));
    changeCrl(plan, place, { extensions: [issuingPoint(implicit(3, someReasons))] });
    plan.more.push(chain => ({ crls: [crl(chain[place]!, { extensions: [issuingPoint(rest)] })] }));
    return true;
  },
  'indirect CRL': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined || place === 0) return false;
    plan.crls?.delete(place);
    const point = [fullName(here), implicitConstructed(2, directoryName(subjectOf('root')))];
    changeExtensions(plan, place + 1, [points(point)]);
    const revoked = random.chance(0.5);
    plan.more.push(chain => ({
      crls: [
        crl(chain[0]!, {
          extensions: [issuingPoint(fullName(here), implicit(4, yes))],
          revoked: revoked
            ? [
                {
                  certificate: chain[place + 1]!.certificate,
                  extensions: [
                    extension(
                      oids.certificateIssuer,
                      true,
                      sequence(directoryName(chain[place]!.certificate.subject.der)),
                    ),
                  ],
                },
              ]
            : [],
        }),
      ],
    }));
    return true;
  },
  'delta CRL': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    const reason = random.pick([undefined, CrlReason.removeFromCRL]);
    changeCrl(plan, place, { number: 10n });
    if (reason !== undefined) revoke(plan, random, { reason: CrlReason.certificateHold });
    changeExtensions(plan, place + 1, [extension(oids.freshestCRL, false, sequence(sequence(fullName(here))))]);
    const base = random.pick([9, 10, 11]);
    plan.more.push(chain => ({
      crls: [
        crl(chain[place]!, {
          number: 12n,
          extensions: [extension(oids.deltaCRLIndicator, true, integer(base))],
          revoked: [{ certificate: chain[place + 1]!.certificate, ...(reason === undefined ? {} : { reason }) }],
        }),
      ],
    }));
    return true;
  },
  'old CRL beside the new one': (plan, random) => {
    const place = someCrl(plan, random);
    if (place === undefined) return false;
    const stale = random.chance(0.5);
    plan.more.push(chain => ({
      crls: [
        crl(chain[place]!, {
          number: 1n,
          thisUpdate: now - 30 * day,
          nextUpdate: stale ? now - day : now + day,
          revoked: random.chance(0) ? [] : [{ certificate: chain[place + 1]!.certificate }],
        }),
      ],
    }));
    return true;
  },
};
