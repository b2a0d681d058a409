import { describe, expect, test } from 'vitest';
import { explain, reasonDocument } from '../../src/path/explain.ts';
import type { Reason, ReasonCode } from '../../src/path/reasons.ts';
import { authority, day, issue, now } from './certificates.ts';
import { judge, tiers } from './chains.ts';

const at = Date.UTC(2026, 10, 22, 14, 5, 1);

/** One of each code of its own; a code that is missing here does not compile. */
type Examples = {
  readonly [Code in ReasonCode as Extract<Reason, { code: Code }> extends { subject: string } ? never : Code]: Reason;
};

const examples: Examples & Readonly<Record<string, Reason>> = {
  'budget-names': { code: 'budget-names', limit: 250_000 },
  'budget-paths': { code: 'budget-paths', limit: 1000 },
  'budget-signatures': { code: 'budget-signatures', limit: 100 },
  'chain-too-long': { code: 'chain-too-long', intermediates: 2, maxDepth: 1 },
  'policy-required': { code: 'policy-required', accepted: '1.2.3' },
  'reference-name-malformed': { code: 'reference-name-malformed', name: 'DNS:a..b' },
  expired: { code: 'expired', subject: 'CN=a', notAfter: at - day, at },
  'crl-stale': { code: 'crl-stale', subject: 'CN=a', issuer: 'CN=b', nextUpdate: at - day, at },
  'serial-too-long': { code: 'serial-too-long', subject: 'CN=a' },
};

describe('every explanation', () => {
  test.each(Object.entries(examples))('of %s is one line with its source and no full stop', (_code, reason) => {
    const { message, source } = explain(reason);
    expect(message).toMatch(/^[^\n]+[^.\n]$/);
    expect(message).not.toMatch(/undefined|NaN|\[object/);
    expect(source).not.toBe('');
  });
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

test('gives scripts the facts, times as RFC 3339 has them', () => {
  expect(
    reasonDocument({ code: 'path-length', subject: 'CN=a', pathLenConstraint: 0, intermediates: 1 }),
  ).toMatchObject({
    code: 'path-length',
    subject: 'CN=a',
    pathLenConstraint: 0,
    intermediates: 1,
    source: 'RFC 5280, 6.1.4 (l)',
  });
  expect(reasonDocument({ code: 'not-yet-valid', subject: 'CN=a', notBefore: at, at: at - day })).toMatchObject({
    notBefore: '2026-11-22T14:05:01Z',
    at: '2026-11-21T14:05:01Z',
  });
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
