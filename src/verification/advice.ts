import type { OwnCode, Reason } from '../path/reasons.ts';
import { isRuleCode } from '../path/rules.ts';
import { webpkiRules } from '../path/webpki.ts';

const reissue = "have it issued again: 'mtlsctl enroll' for a service, 'mtlsctl issue-intermediate' for an authority";
const fewer = 'leave out of --trust and --untrusted what does not belong to the chain';
const strongKey = 'have it issued again with a new key, EC P-256 or RSA of 2048 bits and more';
const freshCrl = "have the CRL signed again: 'mtlsctl crl' on the issuer's machine";
const otherNames = 'have it issued with names inside the constraints, or by an authority that is not constrained so';
const namedIssuer = 'have the issuer issued again without that constraint';

/** What to do about each reason. A code without a row does not compile. */
const advices: { readonly [Code in OwnCode]: string } = {
  'algorithm-mismatch': `the certificate was altered or made badly; ${reissue}`,
  'algorithm-refused': 'have it issued again, signed with SHA-256 or better',
  'budget-names': 'have the leaf issued with fewer names, or its issuers with fewer constraints',
  'budget-paths': fewer,
  'budget-signatures': fewer,
  'ca-as-leaf': 'name the certificate that the server or client itself presents, or ask for --purpose any',
  'caller-not-allowed':
    "if it is to call that service, add it under 'allow:' in mtlsctl.yaml, and print the server's configuration again",
  'callers-not-listed': "name the callers under 'allow:' in mtlsctl.yaml",
  'chain-too-long': 'allow more with --max-depth, or have the leaf issued nearer to the trust anchor',
  'critical-extension-unknown': 'have it issued again without that extension, or with the extension not critical',
  'crl-expires-soon': freshCrl,
  'crl-missing': "add the issuer's CRL with --crl; 'mtlsctl crl' on its machine signs one",
  'crl-not-acceptable': "give the issuer's own CRL with --crl; 'mtlsctl crl' on its machine signs one",
  'crl-stale': `${freshCrl}; then give the new one`,
  expired: reissue,
  'expires-soon': reissue,
  'extended-key-usage': "have it issued for that purpose ('mtlsctl enroll --profile'), or ask for another --purpose",
  'extension-malformed': 'have it issued again by software that encodes the extension rightly',
  'extension-too-large':
    'have it issued again with fewer names or policies, and leave out of --untrusted what does not belong to the chain',
  'issuer-cycle': 'add the certificate that leads to a trust anchor with --untrusted, or the trust anchor with --trust',
  'issuer-not-found': "add the issuer's certificate with --untrusted, or with --trust where it is itself to be trusted",
  'key-mismatch': "install certificate and key together, as 'mtlsctl enroll --force' does",
  'key-not-checked': 'name the key with --key once it is decrypted, or leave the keys of services unencrypted',
  'key-refused': strongKey,
  'key-usage': 'have it issued again with that key usage',
  'name-constraint-malformed': namedIssuer,
  'name-constraint-unsupported': namedIssuer,
  'name-excluded': otherNames,
  'name-malformed': 'have it issued again with the name spelt rightly, or without it',
  'name-mismatch': "have it issued with that name ('mtlsctl enroll --dns', --ip, --uri), or ask for one that it has",
  'name-not-permitted': otherNames,
  'not-a-ca': "have the leaf issued by a CA, or the issuer issued again as one: 'mtlsctl issue-intermediate'",
  'not-yet-valid': 'look at the clock, here and where it was issued',
  'path-length': 'have the issuer issued again with a greater --path-length, or the leaf issued nearer to it',
  'policy-mapping-any': 'have the issuer issued again without that mapping',
  'policy-required': 'have the chain issued with one policy throughout, or ask for one that it has',
  'reference-name-malformed': 'spell the name as certificates do: ASCII, without port and path',
  revoked: `take it out of use; ${reissue}, with a new key`,
  'root-not-trusted': 'if this root is to be trusted, compare its fingerprint with its owner, and add it with --trust',
  'signature-invalid':
    'look whether the issuer has changed its key: the certificate is then to be issued again, or its issuer to be replaced',
  'signature-unsupported': strongKey,
  'spiffe-id-not-single': 'have it issued with one URI name only',
};

/** What to do about a refusal, as one sentence without a full stop. */
export function adviceFor(reason: Reason): string {
  const { code } = reason;
  if (!isRuleCode(code)) return advices[code];
  return code in webpkiRules
    ? 'have it issued as the Baseline Requirements want it, or judge by --profile rfc5280'
    : 'have it issued as the clause wants it, or leave out --strict';
}
