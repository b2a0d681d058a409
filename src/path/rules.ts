import type { Certificate } from '../x509/certificate.ts';
import { sectionFourRules, toleratedRules } from './section-four.ts';
import { webpkiRules } from './webpki.ts';

/** Where a certificate stands in the chain. A chain of one stands in both outer places. */
export type Role = 'leaf' | 'intermediate' | 'anchor';

/** A rule about one certificate on its own, beside the path algorithm. Every extension has been read before rules are asked. */
export interface Rule {
  /** The clause that states it. */
  readonly source: string;
  /** What is wrong, to follow the name of a certificate: "… is marked critical". */
  readonly says: string;
  readonly broken: (certificate: Certificate, role: Role) => boolean;
}

const rules = { ...sectionFourRules, ...toleratedRules, ...webpkiRules };

export type RuleCode = keyof typeof rules;

export function isRuleCode(code: string): code is RuleCode {
  return Object.hasOwn(rules, code);
}

export function ruleOf(code: RuleCode): Rule {
  return rules[code];
}

/** Rules that lose their point where the caller asks for policy processing: the constraint is enforced, critical or not. */
export const waivedByPolicies: ReadonlySet<RuleCode> = new Set<RuleCode>([
  'inhibit-any-policy-not-critical',
  'policy-constraints-not-critical',
]);

type RuleSet = 'section-four' | 'tolerated' | 'webpki';

const codesOf: Readonly<Record<RuleSet, readonly RuleCode[]>> = {
  'section-four': Object.keys(sectionFourRules) as RuleCode[],
  tolerated: Object.keys(toleratedRules) as RuleCode[],
  webpki: Object.keys(webpkiRules) as RuleCode[],
};

const broken = new WeakMap<Certificate, Map<string, readonly RuleCode[]>>();

/** The rules of a set that the certificate breaks in this role. Remembered, since an intermediate is met in every chain of a run. */
export function brokenRules(set: RuleSet, certificate: Certificate, role: Role): readonly RuleCode[] {
  const known = broken.get(certificate) ?? new Map<string, readonly RuleCode[]>();
  broken.set(certificate, known);
  const key = `${set} ${role}`;
  let codes = known.get(key);
  if (codes === undefined) {
    codes = codesOf[set].filter(code => rules[code].broken(certificate, role));
    known.set(key, codes);
  }
  return codes;
}
