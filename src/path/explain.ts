import { isRuleCode, ruleOf } from './rules.ts';
import type { OwnCode, OwnFacts, Reason, RuleReason } from './reasons.ts';

export interface Explanation {
  /** One English sentence, lower case, without a full stop. */
  readonly message: string;
  /** The clause that decides. */
  readonly source: string;
}

type Teller<Code extends OwnCode> = (facts: OwnFacts[Code]) => string;

const path = 'RFC 5280, 6.1.3';
const budget = 'mtlsctl: limits against hostile input';
const asked = 'mtlsctl: what the caller asked for';

/** A code without a row does not compile. */
const tellers: { readonly [Code in OwnCode]: readonly [source: string, tell: Teller<Code>] } = {
  'algorithm-mismatch': [
    'RFC 5280, 4.1.1.2',
    f => `${f.subject} names one signature algorithm inside its signed part and another outside`,
  ],
  'algorithm-refused': [
    'mtlsctl: algorithm floor; RFC 9155; NIST SP 800-131A',
    f => `${f.subject} is signed with ${f.algorithm}, which is too weak`,
  ],
  'budget-names': [budget, f => `the chain needs more than ${f.limit} comparisons of names with name constraints`],
  'budget-paths': [budget, f => `no valid chain was found in ${f.limit} steps`],
  'budget-signatures': [budget, f => `no valid chain was found with ${f.limit} signature checks`],
  'ca-as-leaf': [
    'RFC 5280, 4.2.1.3',
    f => `${f.subject} is a CA in the place of a leaf, with a keyUsage without ${f.required}: others refuse it`,
  ],
  'caller-not-allowed': [
    'mtlsctl: the allow-list of mtlsctl.yaml',
    f => `${f.subject} may not call ${f.service}, which may be called by ${f.allowed === '' ? 'nobody' : f.allowed}`,
  ],
  'callers-not-listed': [
    'mtlsctl: the allow-list of mtlsctl.yaml',
    f => `mtlsctl.yaml does not say who may call ${f.service}, so every certificate of this PKI may`,
  ],
  'chain-too-long': [
    asked,
    f =>
      `${intermediates(f.intermediates)} between leaf and trust anchor, where no more than ${f.maxDepth} may be (maximum depth)`,
  ],
  'critical-extension-unknown': [
    'RFC 5280, 6.1.4 (o)',
    f => `${f.subject} has the critical extension ${f.extension}, which is not known here`,
  ],
  'crl-expires-soon': [
    asked,
    f =>
      `the CRL of ${f.issuer} that covers ${f.subject} ends at ${instant(f.nextUpdate)}, with less than ${duration(f.minRemaining)} left`,
  ],
  'crl-missing': ['RFC 5280, 6.3.3', f => `there is no CRL of ${f.issuer} that covers ${f.subject}`],
  'crl-not-acceptable': [
    'RFC 5280, 6.3.3',
    f => `the CRL of ${f.issuer} can't answer for ${f.subject}: it ${f.problem}`,
  ],
  'crl-stale': [
    'RFC 5280, 6.3.3 (a)',
    f =>
      `the CRL of ${f.issuer} that covers ${f.subject} was due for renewal at ${instant(f.nextUpdate)}, before ${instant(f.at)}`,
  ],
  expired: [`${path} (a) (2)`, f => `${f.subject} expired at ${instant(f.notAfter)}, before ${instant(f.at)}`],
  'expires-soon': [
    asked,
    f => `${f.subject} expires at ${instant(f.notAfter)}, with less than ${duration(f.minRemaining)} left`,
  ],
  'extended-key-usage': [
    'RFC 5280, 4.2.1.12',
    f => `${f.subject} may be used for ${f.found} and not for ${f.required}`,
  ],
  'extension-malformed': [
    'RFC 5280, 4.2',
    f => `${f.subject} has an extension ${f.extension} that does not parse: ${f.problem}`,
  ],
  'extension-too-large': [
    budget,
    f => `${f.subject} has an extension ${f.extension} of more than ${f.limit} elements, which is not read`,
  ],
  'issuer-cycle': [
    'RFC 5280, 6.1',
    f => `the issuers of ${f.subject} certify each other in a circle, and none of them is a trust anchor`,
  ],
  'issuer-not-found': [
    'RFC 5280, 6.1.3 (a) (4)',
    f => `the issuer of ${f.subject}, ${f.issuer}, is neither among the trust anchors nor among the intermediates`,
  ],
  'key-mismatch': [asked, f => `the private key in ${f.key} is not that of ${f.subject}`],
  'key-not-checked': [
    asked,
    f => `whether the encrypted private key in ${f.key} is that of ${f.subject} can't be told without its passphrase`,
  ],
  'key-refused': [
    'mtlsctl: algorithm floor; NIST SP 800-57 part 1, 5.6.1',
    f => `the key of ${f.subject} is not accepted: ${f.key}`,
  ],
  'key-usage': ['RFC 5280, 4.2.1.3', f => `${f.subject} has a keyUsage without ${f.required}`],
  'name-constraint-malformed': [
    'RFC 5280, 4.2.1.10',
    f => `${f.subject} has a name constraint that is none: ${f.constraint}`,
  ],
  'name-constraint-unsupported': [
    'RFC 5280, 4.2.1.10',
    f =>
      `${f.constrainedBy} constrains names of the kind ${f.constraint}, which is not known here, and ${f.subject} has one`,
  ],
  'name-excluded': [
    `${path} (c)`,
    f => `${f.subject} has the name ${f.name}, which ${f.constrainedBy} excludes (${f.constraint})`,
  ],
  'name-malformed': [
    'RFC 5280, 4.2.1.10',
    f =>
      `${f.subject} has the name ${f.name}, which is malformed and so can't be held against the constraints of ${f.constrainedBy}`,
  ],
  'name-mismatch': ['RFC 9525, 6', f => `${f.subject} is not valid for ${f.expected}; its names are ${f.found}`],
  'name-not-permitted': [
    `${path} (b)`,
    f => `${f.subject} has the name ${f.name}, and ${f.constrainedBy} permits only ${f.permitted}`,
  ],
  'not-a-ca': ['RFC 5280, 6.1.4 (k)', f => `${f.subject} issued a certificate and is no CA (basicConstraints)`],
  'not-yet-valid': [
    `${path} (a) (2)`,
    f => `${f.subject} is not valid before ${instant(f.notBefore)}, and it is ${instant(f.at)}`,
  ],
  'path-length': [
    'RFC 5280, 6.1.4 (l)',
    f =>
      `${intermediates(f.intermediates)} below ${f.subject}, which allows no more than ${f.pathLenConstraint} (pathLenConstraint)`,
  ],
  'policy-mapping-any': ['RFC 5280, 6.1.4 (a)', f => `${f.subject} maps to or from anyPolicy`],
  'policy-required': [
    'RFC 9618, 5.5',
    f => `the chain demands a certificate policy, and none of ${f.accepted} is valid for all of it`,
  ],
  'reference-name-malformed': ['RFC 9525, 6.1', f => `${f.name} is no name that a certificate could be checked for`],
  revoked: [`${path} (a) (3)`, f => `${f.subject} was revoked at ${instant(f.revocationDate)} (${f.reason})`],
  'root-not-trusted': ['RFC 5280, 6.1.1 (d)', f => `${f.subject} is self-issued and is not among the trust anchors`],
  'signature-invalid': [`${path} (a) (1)`, f => `the signature of ${f.subject} is not one of ${f.issuer}'s key`],
  'signature-unsupported': [
    `${path} (a) (1)`,
    f => `the signature of ${f.subject} can't be checked with ${f.issuer}'s key (${f.algorithm})`,
  ],
  'spiffe-id-not-single': [
    'SPIFFE X.509-SVID, 2',
    f => `${f.subject} has ${f.uris} URI names, and a certificate with a SPIFFE ID has just one`,
  ],
};

/** What a reason says, and where it is written. */
export function explain(reason: Reason): Explanation {
  if (isRuleReason(reason)) {
    const { says, source } = ruleOf(reason.code);
    return { message: `${reason.subject} ${says}`, source };
  }
  return told(reason.code, reason);
}

function isRuleReason(reason: Reason): reason is RuleReason {
  return isRuleCode(reason.code);
}

function told<Code extends OwnCode>(code: Code, facts: OwnFacts[Code]): Explanation {
  const [source, tell] = tellers[code];
  return { message: tell(facts), source };
}

/** Beginning of a sentence on how many there are. */
function intermediates(count: number): string {
  return count === 1 ? 'there is 1 intermediate' : `there are ${count} intermediates`;
}

/** RFC 3339, whole seconds. */
function instant(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}

function duration(ms: number): string {
  const hours = Math.round(ms / 3_600_000);
  return hours >= 48 ? `${Math.round(hours / 24)} days` : `${hours} hours`;
}
