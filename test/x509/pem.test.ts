import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeBase64 } from '../../src/x509/base64.ts';
import { encodePem, looksLikePem, readPem } from '../../src/x509/pem.ts';
import { hex } from '../der/hex.ts';
import { expectMalformed } from '../der/refuses.ts';
import { growth, linear } from '../growth.ts';

const block = (body: string, label = 'CERTIFICATE', end = label): string =>
  `-----BEGIN ${label}-----\n${body}\n-----END ${end}-----\n`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('readPem', () => {
  const good = block('AQID');

  test.each<[string, string]>([
    ['a block', good],
    ['no final newline', good.trimEnd()],
    ['CRLF', good.replaceAll('\n', '\r\n')],
    ['CR alone', good.replaceAll('\n', '\r')],
    ['a byte order mark', `\ufeff${good}`],
    ['trailing white space', good.replaceAll('\n', ' \t\n')],
    ['white space before the lines', good.replaceAll(/^/gm, '  ')],
    ['lines of odd lengths', good.replace('AQID', 'A\nQI\n\nD')],
    ['empty lines', good.replaceAll('\n', '\n\n')],
    ['text around, not of UTF-8', `subject=/CN=\u0000\u00e9\n---\n-----\n${good}Verify -----BEGIN here\n----------\n`],
  ])('reads %s', (_, text) => {
    expect(readPem(bytes(text)).map(({ label, der, headers }) => ({ label, der, headers }))).toEqual([
      { label: 'CERTIFICATE', der: hex('010203'), headers: [] },
    ]);
  });

  test('reads a string alike', () => {
    expect(readPem(good)).toEqual(readPem(bytes(good)));
  });

  test('reads several blocks with their lines', () => {
    const text = `text\n${good}\n${block('BAU=', 'X509 CRL')}`;
    expect(readPem(text)).toMatchObject([
      { label: 'CERTIFICATE', line: 2 },
      { label: 'X509 CRL', der: hex('0405'), line: 6 },
    ]);
  });

  test('reads headers', () => {
    const text = block('Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,\n  00FF\n\nAQID', 'RSA PRIVATE KEY');
    expect(readPem(text)).toMatchObject([
      { der: hex('010203'), headers: ['Proc-Type: 4,ENCRYPTED', 'DEK-Info: AES-256-CBC,00FF'] },
    ]);
  });

  test.each(['', 'nothing here', '-----', '-----BEGINNING-----', '----------'])('finds no block in %j', text => {
    expect(readPem(text)).toEqual([]);
  });

  test.each<[string, string, string]>([
    ['no END', good.replace(/-----END.*/, ''), 'no END of CERTIFICATE at line 1'],
    ['BEGIN in a block', `-----BEGIN A1-----\nAQID\n${good}`, 'no END of A1 at line 3'],
    [
      'another label at the end',
      block('AQID', 'CERTIFICATE', 'PRIVATE KEY'),
      'END of another label than CERTIFICATE at line 3',
    ],
    ['END alone', '\n-----END CERTIFICATE-----\n', 'END without BEGIN at line 2'],
    ['a label in small letters', block('AQID', 'certificate'), 'bad BEGIN line at line 1'],
    ['a BEGIN line cut short', good.replace('CERTIFICATE-----', 'CERTIFICATE----'), 'bad BEGIN line at line 1'],
    ['text after BEGIN', good.replace('CERTIFICATE-----', 'CERTIFICATE----- x'), 'bad BEGIN line at line 1'],
    ['a missing newline between blocks', good.trimEnd() + good, 'no END of CERTIFICATE at line 3'],
    ['an empty block', block(''), 'CERTIFICATE is empty at line 1'],
    ['a character outside the alphabet', block('AQ*D'), 'not base64 at line 1'],
    ['base64url', block('-_-_'), 'not base64 at line 1'],
    ['no padding', block('AQI'), 'not base64 at line 1'],
    ['a character too many', block('AQIDB'), 'not base64 at line 1'],
    ['padding in the middle', block('AQ==AQID'), 'not base64 at line 1'],
    ['too much padding', block('AQID===='), 'not base64 at line 1'],
    ['bits after the end', block('AQJ='), 'not base64 at line 1'],
    ['headers without an empty line', block('Proc-Type: 4,ENCRYPTED\nAQID'), 'not base64 at line 1'],
  ])('refuses %s', (_, text, message) => {
    expectMalformed(() => readPem(text), message);
  });

  test('stays fast on text full of hyphens', () => {
    expect(readPem(`${'-----BEGI '.repeat(200_000)}\n`)).toEqual([]);
    expect(readPem('-'.repeat(2_000_000))).toEqual([]);
    expect(growth(size => readPem(`${'-----BEGI '.repeat(size)}\n`), 20_000)).toBeLessThan(linear);
    expect(growth(size => readPem('-'.repeat(size)), 200_000)).toBeLessThan(linear);
  });

  test('what is written reads back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), der => {
        const text = encodePem('CERTIFICATE', der);
        expect(readPem(text)).toMatchObject([{ der, line: 1 }]);
        expect(text.split('\n').every(line => line.length <= 64)).toBe(true);
        expect(text.endsWith('-----END CERTIFICATE-----\n')).toBe(true);
      }),
    );
  });
});

describe('decodeBase64', () => {
  const decode = (text: string): Uint8Array | undefined => decodeBase64(bytes(text), 0, text.length);

  test('reads what Buffer writes, with white space anywhere', () => {
    const spaces = fc.array(fc.tuple(fc.nat(400), fc.constantFrom(' ', '\n', '\r\n', '\t')), { maxLength: 5 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), spaces, (value, gaps) => {
        let text = Buffer.from(value).toString('base64');
        for (const [at, space] of gaps)
          text = text.slice(0, at % (text.length + 1)) + space + text.slice(at % (text.length + 1));
        expect(decode(text)).toEqual(value);
      }),
    );
  });

  test('reads no two texts without white space as the same octets', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...Array.from('AQgwZ/+9=-_*')), maxLength: 12 }), text => {
        const value = decode(text);
        if (value !== undefined) expect(Buffer.from(value).toString('base64')).toBe(text);
      }),
    );
  });
});

describe('looksLikePem', () => {
  test.each<[string, Uint8Array, boolean]>([
    ['PEM', bytes(block('AQID')), true],
    ['text that begins with 0', bytes(`0 s:CN=a\n${block('AQID')}`), true],
    ['DER with a boundary inside', bytes('0\u0013\u000c\u0011-----BEGIN A-----'), false],
    ['DER with a long length', Uint8Array.from([0x30, 0x81, 0x80, ...bytes('-----BEGIN A-----'.padEnd(128))]), false],
    ['other text', bytes('hello'), false],
    ['nothing', new Uint8Array(), false],
  ])('%s', (_, file, expected) => {
    expect(looksLikePem(file)).toBe(expected);
  });
});
