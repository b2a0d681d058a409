import { describe, expect, it } from 'vitest';
import { quote, type QuoterName } from '../../src/templates/quoting.ts';
import { render } from '../../src/templates/render.ts';

const values = {
  cert: '/pki/a b/cert.pem',
  name: 'user-svc',
  allow: true,
  caller: [
    { name: 'a', path: 'x y' },
    { name: 'b', path: 'z' },
  ],
};

describe('render', () => {
  it.each([
    ['quotes for the format of the part', 'cert @cert@;', 'cert "/pki/a b/cert.pem";'],
    ['quotes for another format where it is asked to', 'run @cert|sh@', "run '/pki/a b/cert.pem'"],
    ['puts in several values of a line', '@name|name@ @name|name@', 'user-svc user-svc'],
    ['keeps a line whose condition holds', '@?allow@yes\n@!allow@no', 'yes'],
    [
      'keeps what looks like mail, a decorator or a variable',
      '@app.get("/") a@b $x %i {{ y }}',
      '@app.get("/") a@b $x %i {{ y }}',
    ],
    ['repeats a line for each row', '  @caller.name@ @caller.path|sh@', '  "a" \'x y\'\n  "b" z'],
    ['has conditions before rows', '@?allow@@caller.name@', '"a"\n"b"'],
    ['does not read what it has put in', '@tricky@', '"@cert@ @?allow@"'],
  ])('%s', (_, template, expected) => {
    expect(render(template, 'nginx', { ...values, tricky: '@cert@ @?allow@' })).toBe(expected);
  });

  it.each([
    ['@nothing@', 'nothing'],
    ['@cert|nothing@', 'nothing'],
    ['@?nothing@x', 'nothing'],
    ['@caller@', 'caller'],
    ['@nothing.name@', 'nothing'],
    ['@caller.nothing@', 'caller.nothing'],
  ])('takes %s for a bug of the template', (template, named) => {
    expect(() => render(template, 'nginx', values)).toThrow(named);
  });

  it('names the flag that a value came by', () => {
    expect(() => render('@program|name@', 'systemd', { program: 'a b' })).toThrow("bad value 'a b' for --program");
    expect(() => render('@cert@', 'nginx', { cert: '/a$b' })).toThrow("bad value '/a$b' for --dir");
  });
});

const formats: readonly QuoterName[] = [
  ...([
    'conninfo',
    'compose',
    'curl',
    'curlCert',
    'go',
    'haproxy',
    'js',
    'line',
    'name',
    'nats',
    'nginx',
    'pattern',
  ] as const),
  ...([
    'postgresql',
    'postgresqlWord',
    'python',
    'redis',
    'sh',
    'rest',
    'systemd',
    'systemdCommand',
    'systemdRest',
    'yaml',
  ] as const),
];

describe('quote', () => {
  it.each([
    ['conninfo', "it's \\", "'it\\'s \\\\'"],
    ['compose', '/a$b', '"/a$$b"'],
    ['curlCert', '/a:b\\', '"/a\\\\:b\\\\\\\\"'],
    ['haproxy', "it's", "'it'\\''s'"],
    ['nats', '/a"b$', '"/a\\"b$"'],
    ['pattern', 'a.b-c', 'a\\.b-c'],
    ['postgresql', "it's \\", "'it''s \\\\'"],
    ['postgresqlWord', 'all', '"all"'],
    ['sh', "it's", "'it'\\''s'"],
    ['systemd', '/100% "$x"', '"/100%% \\"$x\\""'],
    ['systemdCommand', '/100% $x', '"/100%% $$x"'],
    ['systemdRest', '/100% x', '/100%% x'],
  ] as const)('for %s writes %s as %s', (format, text, expected) => {
    expect(quote(text, format, '--dir')).toBe(expected);
  });

  it.each([
    ['name', '/a b'],
    ['nginx', '/a$b'],
    ['rest', '/a '],
    ['systemdRest', '/a\\'],
  ] as const)('for %s refuses %j', (format, text) => {
    expect(() => quote(text, format, '--dir')).toThrow('for --dir');
  });

  // What ends a line in any of the formats, or hides something from whoever reads it.
  it.each(formats)('for %s refuses what could end a line or hide', format => {
    for (const character of [
      '\n',
      '\r',
      '\0',
      '\t',
      '\u001b',
      '\u007f',
      '\u0085',
      '\u2028',
      '\u2029',
      '\u202e',
      '\ufeff',
      '\ufffd',
    ])
      expect(() => quote(`/a${character}b`, format, '--dir')).toThrow('control or invisible');
  });
});
