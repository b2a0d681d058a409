import { expect, test } from 'vitest';
import { adviceFor } from '../../src/verification/advice.ts';

test.each([
  ['serial-too-long', '--strict'],
  ['leaf-is-ca', '--profile rfc5280'],
] as const)('tells of %s which flag brought the rule in', (code, flag) => {
  expect(adviceFor({ code, subject: 'CN=a' })).toContain(flag);
});

test('tells what to do about a reason with facts of its own', () => {
  expect(adviceFor({ code: 'issuer-not-found', subject: 'CN=a', issuer: 'CN=b' })).toContain('--untrusted');
});
