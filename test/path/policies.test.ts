import { describe, expect, test } from 'vitest';
import { oids } from '../../src/der/object-identifiers.ts';
import { implicit, integer, oid, sequence } from '../../src/der/writer.ts';
import type { PolicyInput } from '../../src/path/policies.ts';
import {
  authority,
  extension,
  intermediate,
  issue,
  type CertificateOptions,
  type TestExtension,
} from './certificates.ts';
import { codes, judge } from './chains.ts';

const [gold, silver, bronze] = ['1.3.6.1.4.1.55555.1', '1.3.6.1.4.1.55555.2', '1.3.6.1.4.1.55555.3'];
const any = oids.anyPolicy;

const has = (...policies: readonly string[]): TestExtension =>
  extension(oids.certificatePolicies, false, sequence(...policies.map(policy => sequence(oid(policy)))));
const maps = (...pairs: readonly (readonly [string, string])[]): TestExtension =>
  extension(oids.policyMappings, true, sequence(...pairs.map(([from, to]) => sequence(oid(from), oid(to)))));
const explicitAfter = (count: number): TestExtension =>
  extension(oids.policyConstraints, true, sequence(implicit(0, Uint8Array.of(count))));
const noMappingAfter = (count: number): TestExtension =>
  extension(oids.policyConstraints, true, sequence(implicit(1, Uint8Array.of(count))));
const noAnyAfter = (count: number): TestExtension => extension(oids.inhibitAnyPolicy, true, integer(count));

/** Root, then a CA for each list of extensions but the last, which is the leaf's. */
function verdictOn(
  policies: Partial<PolicyInput>,
  ...levels: readonly (readonly TestExtension[])[]
): readonly string[] {
  const root = authority();
  let issuer = root;
  const cas = levels.slice(0, -1).map((extensions, i) => {
    issuer = intermediate(issuer, { name: `ca ${i}`, extensions });
    return issuer.certificate;
  });
  const options: CertificateOptions = { extensions: levels.at(-1) ?? [] };
  const input = {
    initialPolicySet: [any],
    requireExplicitPolicy: true,
    inhibitPolicyMapping: false,
    inhibitAnyPolicy: false,
  };
  return codes(
    judge({ root, leaf: issue(issuer, options) }, { intermediates: cas, policies: { ...input, ...policies } }),
  );
}

const wants = (...initialPolicySet: readonly string[]): Partial<PolicyInput> => ({ initialPolicySet });

type Levels = readonly (readonly TestExtension[])[];
type Row = readonly [scenario: string, input: Partial<PolicyInput>, ...levels: Levels];

const asTriple = ([scenario, input, ...levels]: Row): readonly [string, Partial<PolicyInput>, Levels] => [
  scenario,
  input,
  levels,
];

const accepted: readonly Row[] = [
  ['no policies where none is demanded', { requireExplicitPolicy: false }, [], []],
  ['one policy all the way', {}, [has(gold)], [has(gold)]],
  ['one policy of several', wants(gold), [has(gold, silver)], [has(bronze, gold)]],
  ['anyPolicy of the CA', wants(gold), [has(any)], [has(gold)]],
  ['anyPolicy of the leaf', wants(gold), [has(gold)], [has(any)]],
  ['anyPolicy all the way', wants(gold), [has(any)], [has(any)]],
  ['a mapped policy, by the name it has above', wants(gold), [has(gold), maps([gold, silver])], [has(silver)]],
  [
    'a policy mapped twice',
    wants(gold),
    [has(gold), maps([gold, silver])],
    [has(silver), maps([silver, bronze])],
    [has(bronze)],
  ],
  ['a mapping out of anyPolicy', wants(gold), [has(any), maps([gold, silver])], [has(silver)]],
  ['a demand that sets in below the leaf', { requireExplicitPolicy: false }, [explicitAfter(3)], [], []],
];

const refused: readonly Row[] = [
  ['no policies where one is demanded', {}, [], []],
  ['a CA without policies', {}, [], [has(gold)]],
  ['a leaf without policies', {}, [has(gold)], []],
  ['another policy in the leaf', {}, [has(gold)], [has(silver)]],
  ['a policy that is not asked for', wants(silver), [has(gold)], [has(gold)]],
  ['a mapped policy by the name it has below', wants(silver), [has(gold), maps([gold, silver])], [has(silver)]],
  ['the unmapped policy in the leaf', wants(gold), [has(gold), maps([gold, silver])], [has(gold)]],
  ['a mapping that is inhibited', { inhibitPolicyMapping: true }, [has(gold), maps([gold, silver])], [has(silver)]],
  [
    'a mapping that a CA inhibits',
    {},
    [has(gold), noMappingAfter(0)],
    [has(gold), maps([gold, silver])],
    [has(silver)],
  ],
  ['anyPolicy that is inhibited', { inhibitAnyPolicy: true }, [has(any)], [has(gold)]],
  ['anyPolicy that a CA inhibits', {}, [has(gold), noAnyAfter(0)], [has(any)]],
  ['a demand of the CA', { requireExplicitPolicy: false }, [explicitAfter(0)], []],
  ['a demand of the CA that sets in at the leaf', { requireExplicitPolicy: false }, [explicitAfter(1)], [], []],
  ['a demand of the CA that sets in after the leaf', { requireExplicitPolicy: false }, [explicitAfter(1)], []],
  [
    'the policy of a mapping that is inhibited',
    { inhibitPolicyMapping: true },
    [has(gold), maps([gold, silver])],
    [has(gold)],
  ],
  ['a demand of the leaf itself', { requireExplicitPolicy: false }, [], [explicitAfter(0)]],
];

describe('accepts', () => {
  test.each(accepted.map(asTriple))('%s', (_scenario, input, levels) => {
    expect(verdictOn(input, ...levels)).toEqual([]);
  });
});

describe('refuses', () => {
  test.each(refused.map(asTriple))('%s', (_scenario, input, levels) => {
    expect(verdictOn(input, ...levels)).toEqual(['policy-required']);
  });
});

test.each([[maps([any, gold])], [maps([gold, any])]])('refuses a mapping from or to anyPolicy', mapping => {
  expect(verdictOn({ requireExplicitPolicy: false }, [has(any), mapping], [has(gold)])).toEqual(['policy-mapping-any']);
});

describe('a self-issued CA', () => {
  const below = (ca: readonly TestExtension[], same: readonly TestExtension[], leaf: readonly TestExtension[]) => {
    const root = authority();
    const upper = intermediate(root, { name: 'same', key: 'old key', extensions: ca });
    const lower = intermediate(upper, { name: 'same', key: 'new key', extensions: same });
    const intermediates = [upper.certificate, lower.certificate];
    return codes(judge({ root, leaf: issue(lower, { extensions: leaf }) }, { intermediates }));
  };

  test('is not counted until a demand sets in', () => {
    expect(below([explicitAfter(2)], [], [])).toEqual([]);
  });
  test('may have anyPolicy though it is inhibited', () => {
    expect(below([has(any), explicitAfter(0), noAnyAfter(0)], [has(any)], [has(gold)])).toEqual([]);
  });
});

test('holds the trust anchor to its own demand', () => {
  const root = authority({ extensions: [explicitAfter(0)] });
  expect(codes(judge({ root, leaf: issue(root) }))).toEqual(['policy-required']);
});

test('stays small where every level maps every policy to every other (RFC 9618, section 1)', () => {
  const policies = Array.from({ length: 12 }, (_, i) => `1.3.6.1.4.1.55555.9.${i}`);
  const mesh = maps(...policies.flatMap(from => policies.map(to => [from, to] as const)));
  const levels = Array.from({ length: 24 }, () => [has(...policies), mesh]);
  expect(verdictOn(wants(gold), ...levels, [has(...policies)])).toEqual(['policy-required']);
});
