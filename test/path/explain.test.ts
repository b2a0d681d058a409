import { expect, test } from 'vitest';
import { explain } from '../../src/path/explain.ts';
import type { OwnCode, OwnFacts, Reason } from '../../src/path/reasons.ts';
import { sectionFourRules, toleratedRules } from '../../src/path/section-four.ts';
import { webpkiRules } from '../../src/path/webpki.ts';
import { authority, day, issue, now } from './certificates.ts';
import { judge, tiers } from './chains.ts';

const at = Date.UTC(2026, 10, 22, 14, 5, 1);

const subject = 'CN=a';
const issuer = 'CN=b';
const crlFacts = { subject, issuer };
const constrainedBy = 'CN=b';

/** Facts for each code that has its own; a code that is missing here does not compile. */
const examples: { readonly [Code in OwnCode]: OwnFacts[Code] } = {
  'algorithm-mismatch': { subject },
  'algorithm-refused': { subject, algorithm: 'sha1WithRSAEncryption' },
  'budget-names': { limit: 250_000 },
  'budget-paths': { limit: 1000 },
  'budget-signatures': { limit: 100 },
  'ca-as-leaf': { subject, required: 'digitalSignature' },
  'caller-not-allowed': { subject, service: 'user-svc', allowed: 'api-gateway' },
  'callers-not-listed': { service: 'user-svc' },
  'chain-too-long': { intermediates: 2, maxDepth: 1 },
  'critical-extension-unknown': { subject, extension: '1.2.3' },
  'crl-expires-soon': { ...crlFacts, nextUpdate: at, minRemaining: day },
  'crl-missing': crlFacts,
  'crl-not-acceptable': { ...crlFacts, problem: 'has no nextUpdate' },
  'crl-stale': { ...crlFacts, nextUpdate: at - day, at },
  expired: { subject, notAfter: at - day, at },
  'expires-soon': { subject, notAfter: at, minRemaining: 30 * day },
  'extended-key-usage': { subject, required: 'serverAuth', found: 'clientAuth' },
  'extension-too-large': { subject, extension: 'subjectAltName', limit: 16_384 },
  'extension-malformed': { subject, extension: 'keyUsage', problem: 'not a BIT STRING at byte 7' },
  'issuer-cycle': { subject },
  'issuer-not-found': { subject, issuer },
  'key-mismatch': { subject, key: 'key.pem' },
  'key-not-checked': { subject, key: 'key.pem' },
  'key-refused': { subject, key: 'EC P-192' },
  'key-usage': { subject, required: 'keyCertSign' },
  'name-constraint-malformed': { subject, constraint: 'DNS:*.x' },
  'name-constraint-unsupported': { subject, constraint: 'other', constrainedBy },
  'name-excluded': { subject, name: 'DNS:a.x', constraint: 'DNS:x', constrainedBy },
  'name-malformed': { subject, name: 'DNS:.x', constrainedBy },
  'name-mismatch': { subject, expected: 'DNS:a', found: 'DNS:b' },
  'name-not-permitted': { subject, name: 'DNS:a', permitted: 'DNS:b', constrainedBy },
  'not-a-ca': { subject },
  'not-yet-valid': { subject, notBefore: at, at: at - day },
  'path-length': { subject, pathLenConstraint: 0, intermediates: 1 },
  'policy-mapping-any': { subject },
  'policy-required': { accepted: '1.2.3' },
  'reference-name-malformed': { name: 'DNS:a..b' },
  revoked: { subject, revocationDate: at, reason: 'keyCompromise' },
  'root-not-trusted': { subject },
  'signature-invalid': { subject, issuer },
  'signature-unsupported': { subject, issuer, algorithm: '1.2.3' },
  'spiffe-id-not-single': { subject, uris: 2 },
};

const ruleCodes = Object.keys({ ...sectionFourRules, ...toleratedRules, ...webpkiRules });

const reasons = [
  ...Object.entries(examples).map(([code, facts]) => ({ code, ...facts })),
  ...ruleCodes.map(code => ({ code, subject })),
] as Reason[];

test.each(reasons)('$code is explained in one line, with every fact and a source', reason => {
  const { message, source } = explain(reason);
  expect(message).toMatch(/^[^\n]+[^.\n]$/);
  expect(message).not.toMatch(/undefined|NaN|\[object/);
  expect(source).toMatch(/RFC \d+|SPIFFE|CA\/Browser Forum|^mtlsctl: /);
  const texts = Object.entries(reason).filter(([key, value]) => key !== 'code' && typeof value === 'string');
  for (const [, value] of texts) expect(message).toContain(value);
});

test('says who, what was found and what was expected', () => {
  expect(explain({ code: 'expired', subject: 'CN=a', notAfter: at - day, at })).toEqual({
    message: 'CN=a expired at 2026-11-21T14:05:01Z, before 2026-11-22T14:05:01Z',
    source: 'RFC 5280, 6.1.3 (a) (2)',
  });
  expect(explain({ code: 'dns-name-underscore', subject: 'CN=a' })).toEqual({
    message: 'CN=a has a DNS name with an underscore, which is outside the preferred name syntax',
    source: 'RFC 5280, 4.2.1.6',
  });
});

test.each([
  [1, 'there is 1 intermediate below CN=a, which allows no more than 0 (pathLenConstraint)'],
  [2, 'there are 2 intermediates below CN=a, which allows no more than 0 (pathLenConstraint)'],
])('counts %d intermediates', (intermediates, message) => {
  expect(explain({ code: 'path-length', subject: 'CN=a', pathLenConstraint: 0, intermediates }).message).toBe(message);
});

test('names a certificate without a subject by its serial number', () => {
  const root = authority();
  const leaf = issue(root, { name: '', serial: 0x0a1bn, notAfter: now - day });
  expect(judge({ root, leaf }).reasons).toMatchObject([{ code: 'expired', subject: 'serial 0a1b' }]);
});

test('a name can not control the terminal', () => {
  const { root, site, leaf } = tiers({ leaf: { name: 'evil\u001b[2J\n', notAfter: now - day } });
  const [reason] = judge({ root, site, leaf }).reasons;
  // eslint-disable-next-line no-control-regex
  expect(reason && explain(reason).message).not.toMatch(/[\u0000-\u001f]/);
});
