import { describe, expect, it } from 'vitest';
import { judged, resultText, unread } from '../../src/verification/report.ts';
import { parseReferenceName } from '../../src/verification/reference-name.ts';
import { now } from '../path/certificates.ts';
import { judge, tiers } from '../path/chains.ts';

const plain = (text: string): string => text;
const day = 86_400_000;

describe('a verdict', () => {
  it('that is good shows the chain, the anchor last', () => {
    const verdict = judge(tiers());
    expect(judged('one', verdict)).toMatchObject({
      target: 'one',
      valid: true,
      chain: [{ subject: 'CN=user-svc', issuer: 'CN=site-a' }, { subject: 'CN=site-a' }, { subject: 'CN=root' }],
      reasons: [],
    });
    const text = resultText(judged('one', verdict), plain);
    expect(text).toMatch(/^one: valid\n {2}CN=user-svc .*\n {2}└ CN=site-a .*\n {4}└ CN=root .*trust anchor\)\n/);
  });

  it('that is bad gives each reason with its clause, and instants as text', () => {
    const verdict = judge(tiers({ leaf: { notAfter: now - day } }));
    expect(judged('one', verdict)).toMatchObject({
      valid: false,
      reasons: [
        { code: 'expired', notAfter: '2026-11-21T12:00:00Z', at: '2026-11-22T12:00:00Z', source: /RFC 5280/.source },
      ].map(({ source, ...facts }) => ({ ...facts, source: expect.stringMatching(source) as string })),
    });
    const text = resultText(judged('one', verdict), plain);
    expect(text).toContain('one: refused');
    expect(text).toContain('[expired; RFC 5280');
    expect(text).not.toContain('trust anchor');
  });

  it('of what could not be read is no pass', () => {
    const error = { code: 'not-found', message: 'no such file', hints: ['ls -l'] } as const;
    expect(unread('one', error)).toMatchObject({ target: 'one', valid: false, error });
    expect(resultText(unread('one', error), plain)).toContain('one: not read\n  no such file [not-found]\n');
  });

  it('can not control the terminal by the names in it', () => {
    const verdict = judge(tiers({ leaf: { name: 'evil\u001b[2J' } }));
    const text = resultText(judged('a\u001b[2Jb', verdict), plain);
    expect(text).not.toContain('\u001b');
  });
});

describe('parseReferenceName', () => {
  it.each([
    ['user-svc.link.internal', { kind: 'dns', value: 'user-svc.link.internal' }],
    ['10.0.0.1', { kind: 'ip', value: '10.0.0.1' }],
    ['2001:db8::1', { kind: 'ip', value: '2001:db8::1' }],
    ['spiffe://link.internal/service/one', { kind: 'uri', value: 'spiffe://link.internal/service/one' }],
    ['ops@example.org', { kind: 'email', value: 'ops@example.org' }],
  ])('reads %s', (text, name) => {
    expect(parseReferenceName(text)).toEqual(name);
  });

  it.each(['', 'no name', 'a..b', '-a.example', 'spiffe://', 'a@', 'x'.repeat(300), 'a\0b'])('refuses %j', text => {
    expect(() => parseReferenceName(text)).toThrow(expect.objectContaining({ code: 'bad-value' }) as Error);
  });
});
