import { describe, expect, it } from 'vitest';
import { formatHostPort, parseHostPort } from '../../src/peer/host-port.ts';

describe('parseHostPort', () => {
  it.each([
    ['localhost:8443', 'localhost', 8443],
    ['a.example:1', 'a.example', 1],
    ['10.0.0.1:65535', '10.0.0.1', 65535],
    ['[::1]:443', '::1', 443],
    ['[fe80::1%eth0]:443', 'fe80::1%eth0', 443],
    ['https://a.example', 'a.example', 443],
    ['https://a.example:8443/path?q', 'a.example', 8443],
    ['https://[::1]/', '::1', 443],
    ['tls://a.example:5671', 'a.example', 5671],
  ])('reads %s', (text, host, port) => {
    expect(parseHostPort(text)).toEqual({ host, port });
  });

  it.each([
    '',
    'localhost',
    'localhost:',
    ':443',
    'a:0',
    'a:65536',
    'a:999999',
    '::1:443',
    'a b:1',
    'cert.pem',
    'http://a:1',
    'a:1x',
    '../x:1',
    'a\n:1',
  ])('refuses %j', text => {
    expect(parseHostPort(text)).toBeUndefined();
  });

  it('writes what it reads', () => {
    for (const text of ['localhost:8443', '[::1]:443']) expect(formatHostPort(parseHostPort(text)!)).toBe(text);
  });
});
