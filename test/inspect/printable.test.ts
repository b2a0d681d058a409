import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { oids } from '../../src/der/object-identifiers.ts';
import {
  encode,
  explicit,
  ia5String,
  implicit,
  implicitConstructed,
  integer,
  oid,
  sequence,
  setOf,
  utf8String,
} from '../../src/der/writer.ts';
import { encodePem } from '../../src/x509/pem.ts';
import { authority, dnsName, extension, issue, nameDer, uriName } from '../path/certificates.ts';
import { sharedTemporaryDirectory } from '../temporary.ts';
import { publicKey, signed } from '../x509/build.ts';
import { inspect, inspectJson } from './command.ts';

// Nothing that stands in a certificate can move the cursor, colour, reorder or hide what is printed.

/** ANSI escapes, C1 controls, NUL, newlines, bidirectional overrides, zero width, line separators, a tag character. */
const evil = 'a\u001b[31m\u0000\r\n\t\u007fb\u009b2J\u202ec\u2066\u200b\u2028\ufeff\u00ad\u{e0041}d';
const evilAscii = 'a\u001b[31m\u0000\r\n\t\u007fb\bc';
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Co}\p{Cn}]/u;

const directory = sharedTemporaryDirectory();
const root = authority();

async function outputs(name: string): Promise<string> {
  const at = { workingDirectory: directory() };
  const texts = [];
  for (const flags of [
    [],
    ['--short'],
    ['--format', 'json'],
    ['--format', 'yaml'],
    ['--format', 'pem'],
    ['--format', 'json', '--short'],
  ]) {
    const { output, errors } = await inspect([...flags, name], at);
    texts.push(output, errors);
  }
  return texts.join('');
}

function isPrintable(text: string): boolean {
  return text.split('\n').every(line => !unprintable.test(line));
}

const names = sequence(
  dnsName(evilAscii),
  uriName(`x:${evilAscii}`),
  implicit(1, Uint8Array.from(Buffer.from(evilAscii))),
  explicit(4, nameDer([oids.commonName, evil])),
  implicitConstructed(0, oid(oids.userPrincipalName), explicit(0, utf8String(evil))),
);

const cases: Readonly<Record<string, Uint8Array>> = {
  'subject and issuer': issue(authority({ name: evil }), { name: evil }).certificate.der,
  'an attribute of another type': issue(root, { subject: nameDer([oids.description, evil], ['1.2.3.4', evil]) })
    .certificate.der,
  'every form of name': issue(root, { extensions: [extension(oids.subjectAltName, false, names)] }).certificate.der,
  'a policy qualifier': issue(root, {
    extensions: [
      extension(
        oids.certificatePolicies,
        false,
        sequence(
          sequence(
            oid('1.2.3'),
            sequence(
              sequence(oid(oids.cps), ia5String(evilAscii)),
              sequence(oid(oids.unotice), sequence(utf8String(evil))),
            ),
          ),
        ),
      ),
    ],
  }).certificate.der,
  'a comment': issue(root, { extensions: [extension(oids.netscapeComment, false, ia5String(evilAscii))] }).certificate
    .der,
  'an access location': issue(root, {
    extensions: [extension(oids.authorityInfoAccess, false, sequence(sequence(oid(oids.ocsp), uriName(evilAscii))))],
  }).certificate.der,
  'a name constraint': issue(root, {
    extensions: [extension(oids.nameConstraints, true, sequence(implicitConstructed(0, sequence(dnsName(evilAscii)))))],
  }).certificate.der,
  'a malformed extension': issue(root, {
    extensions: [extension(oids.subjectAltName, false, encode(0x0c, Buffer.from(evil)))],
  }).certificate.der,
  'an attribute of a request': signed(
    sequence(
      integer(0),
      nameDer([oids.commonName, evil]),
      publicKey,
      implicitConstructed(0, sequence(oid(oids.challengePassword), setOf(utf8String(evil)))),
    ),
  ),
};

describe('printed text', () => {
  it.each(Object.entries(cases))('is harmless, whatever stands in %s', async (_, der) => {
    writeFileSync(join(directory(), 'evil.der'), der);
    expect(unprintable.test(Buffer.from(der).toString('latin1'))).toBe(true);
    const text = await outputs('evil.der');
    expect(text.length).toBeGreaterThan(1000);
    expect(isPrintable(text)).toBe(true);
  });

  it('is harmless, whatever a file is called and holds', async () => {
    const name = 'x\u001b[31m\n\u202e.pem';
    writeFileSync(join(directory(), name), `\u001b[31m${encodePem('CERTIFICATE', root.certificate.der)}`);
    expect(isPrintable(await outputs(name))).toBe(true);
    writeFileSync(join(directory(), name), '-----BEGIN \u001b[31m-----\n');
    expect(isPrintable(await outputs(name))).toBe(true);
    expect(isPrintable(await outputs('missing\u001b[31m\u202e:99999'))).toBe(true);
  });

  it('is harmless, whatever the files of a directory are called', async () => {
    mkdirSync(join(directory(), 'dir'), { recursive: true });
    writeFileSync(join(directory(), 'dir', '\u001b[31m\u202e.pem'), encodePem('CERTIFICATE', root.certificate.der));
    writeFileSync(join(directory(), 'dir', '\u009b.txt'), 'nothing');
    expect(isPrintable(await outputs('dir'))).toBe(true);
  });

  it('is harmless for any common name, which JSON and YAML tell truly', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
        fc.string({ unit: 'binary-ascii' }),
        async (cn, dns) => {
          fc.pre(!/\p{Cs}/u.test(cn));
          const { certificate } = issue(root, { name: cn, dns: [dns] });
          writeFileSync(join(directory(), 'any.der'), certificate.der);
          const at = { workingDirectory: directory() };
          const { output } = await inspect(['any.der'], at);
          expect(isPrintable(output)).toBe(true);
          const [object] = await inspectJson(['any.der'], at);
          const yaml = (await inspect(['--format', 'yaml', 'any.der'], at)).output;
          expect(isPrintable(yaml)).toBe(true);
          expect((parse(yaml) as unknown[])[0]).toEqual(object);
          expect(object).toMatchObject({ extensions: { subjectAltName: { value: [{ kind: 'dns', value: dns }] } } });
        },
      ),
      { numRuns: 60 },
    );
  });

  it.each([['--short'], ['--all']])('of names keeps one from passing for two: %s', async flag => {
    writeFileSync(join(directory(), 'comma.der'), issue(root, { dns: ['a, DNS:b'] }).certificate.der);
    const { output } = await inspect([flag, 'comma.der'], { workingDirectory: directory() });
    expect(output).toContain('DNS:a\\, DNS:b\n');
  });
});
