import { describe, expect, it } from 'vitest';
import { parseFleetFile } from '../../src/config/fleet-file.ts';
import { configFailure } from './failure.ts';

const parse = (text: string) => parseFleetFile(text, 'fleet.yaml');

describe('parseFleetFile', () => {
  it('takes names and maps, and works the defaults in', () => {
    const services = parse(`
defaults:
  issuer: site-a
  hook: systemctl reload x
services:
  - user-svc
  - name: api-gateway
    dns: [api.example.com]
    issuer: site-b
    validity: 30d
`);
    expect(services).toEqual([
      {
        name: 'user-svc',
        authority: 'site-a',
        hook: 'systemctl reload x',
        dns: [],
        ip: [],
        uri: [],
        email: [],
        line: 6,
      },
      {
        ...{
          name: 'api-gateway',
          authority: 'site-b',
          hook: 'systemctl reload x',
          dns: ['api.example.com'],
          ip: [],
          uri: [],
          email: [],
        },
        ...{ validity: 30 * 86_400_000, line: 7 },
      },
    ]);
  });

  it.each(['services: [null]\n', 'services:\n  - NULL\n', 'services: [~]\n', 'services:\n  -\n', '- name: null\n'])(
    'takes no value for no name: %j',
    text => {
      expect(configFailure(() => parse(text)).message).toContain('needs a single value');
    },
  );

  it('takes a name in quotes as it stands there', () => {
    expect(parse(`services: ["null", nulla]\n`).map(service => service.name)).toEqual(['null', 'nulla']);
  });

  it('takes a list alone for the services', () => {
    expect(parse('- a\n- b\n').map(service => service.name)).toEqual(['a', 'b']);
  });

  it('reads 10,000 services', () => {
    const text = `services:\n${Array.from({ length: 10_000 }, (_, n) => `  - name: svc-${n}\n    dns: [svc-${n}.example.com]\n`).join('')}`;
    expect(parse(text)).toHaveLength(10_000);
  });

  it.each([
    ['services:\n  - a\n  - b\n  - name: a\n', 4, "service 'a' is here a second time; the first is on line 2"],
    ['services:\n  - A\n', 2, 'lower-case'],
    ['services:\n  - ../../etc\n', 2, "'../../etc'"],
    ['services:\n  - authorities\n', 2, 'reserved'],
    ['services:\n  - dns: [a]\n', 2, 'services.name is missing'],
    ['services:\n  - name: a\n    nmae: b\n', 3, "did you mean 'name'?"],
    ['services:\n  - [a]\n', 2, 'must hold keys and values'],
    ['services: a\n', 1, 'must be a list'],
    ['defaults: {}\n', 1, "there is no key 'services'"],
    ['service: [a]\n', 1, "did you mean 'services'?"],
    ['a\n', 1, 'must hold keys and values'],
    ['services:\n  - name: a\n    issuer: b\n    authority: b\n', 2, "has 'issuer' and 'authority'"],
    ['defaults:\n  issuer: b\n  authority: c\nservices: [a]\n', 2, "defaults has 'issuer' and 'authority'"],
    ['services:\n  - "a\\u001b[2Jb"\n', 2, '\\x1b[2J'],
  ])('refuses %j', (text, line, words) => {
    const failure = configFailure(() => parse(text));
    expect(failure.message).toContain(words);
    expect(failure.details).toMatchObject({ file: 'fleet.yaml', line });
  });
});
