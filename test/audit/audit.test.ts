import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { isWarning } from '../../src/audit/findings.ts';
import { withCrlLock } from '../../src/authority/crl.ts';
import type { LedgerEvent } from '../../src/authority/ledger.ts';
import { lineHash } from '../../src/authority/ledger-format.ts';
import { rebuildCrls } from '../../src/authority/rebuild-crls.ts';
import { readConfig } from '../../src/authority/configuration.ts';
import { encodeCertificates } from '../../src/authority/trust.ts';
import { faults } from '../../src/file-operations.ts';
import { type Certificate, serialHex } from '../../src/x509/certificate.ts';
import { readCrls } from '../../src/x509/crl.ts';
import { contentOf, day, makeAuthorities, makeIntermediate, noPassphrase, now, pathsOf } from '../authority/pki.ts';
import { sharedTemporaryDirectory, temporaryDirectory } from '../temporary.ts';
import {
  append,
  auditOf,
  type Found,
  forge,
  issueTo,
  ledgerPath,
  type Members,
  readLedger,
  revocationOf,
  writeLedger,
} from './ledgers.ts';

const shared = sharedTemporaryDirectory();
const temporary = temporaryDirectory();
const directory = (): string => join(temporary(), 'pki');
let certificates: readonly Certificate[] = [];

async function publish(to = directory(), at = now): Promise<void> {
  const config = await readConfig(to);
  await rebuildCrls({
    ...{ directory: to, config, authorities: ['site-a'], validity: undefined, now: at },
    ...{ kind: { kind: 'complete' }, acceptClock: false },
    passphrase: noPassphrase,
  });
}

/** Lines: 1 authority-created, 2 crl-published, 3 to 6 issued, 7 and 8 revoked, 9 crl-published. The first service is installed. */
beforeAll(async () => {
  const made = join(shared(), 'pki');
  await makeAuthorities(made);
  certificates = await issueTo(made, ['a', 'b', 'c', 'd']);
  install(made, 'a', certificates[0]);
  const [, b, c] = certificates;
  if (b !== undefined && c !== undefined)
    await append(made, [revocationOf(b), revocationOf(c, { reason: 6, invalidityDate: '2026-11-20T00:00:00Z' })]);
  await publish(made);
});

beforeEach(() => {
  cpSync(join(shared(), 'pki'), directory(), { recursive: true });
});

function install(to: string, service: string, certificate: Certificate | undefined): void {
  mkdirSync(join(to, service), { recursive: true });
  if (certificate !== undefined) writeFileSync(join(to, service, 'cert.pem'), encodeCertificates([certificate]));
}

const serial = (index: number): string => serialHex(certificates[index]?.serialNumber ?? new Uint8Array());
const paths = () => pathsOf(directory(), 'site-a');
const entry = (entries: Members[], line: number): Members => entries[line - 1] ?? {};

/** Each does some damage to a sound directory, and says what is found of it: code and line. */
type Damage = readonly [
  what: string,
  damage: () => Promise<void> | void,
  found: readonly (readonly [code: string, line?: number])[],
];

const edit = (change: (lines: string[]) => readonly string[]) => (): void => {
  writeLedger(directory(), change([...readLedger(directory())]));
};
const forged = (change: (entries: Members[]) => readonly Members[] | undefined) => (): void => {
  forge(directory(), entries => change(entries) ?? entries);
};

const lines: readonly Damage[] = [
  [
    'a changed line',
    edit(l => l.map((line, i) => (i === 4 ? line.replace('c.link', 'x.link') : line))),
    [
      ['line-malformed', 5],
      ['revocation-unissued', 8],
    ],
  ],
  [
    'a changed last line',
    edit(l => l.map((line, i) => (i === 8 ? line.replace('"entries":2', '"entries":3') : line))),
    [['line-malformed', 9], ['crl-unrecorded']],
  ],
  ['a line that is no JSON', edit(l => l.map((line, i) => (i === 1 ? 'x' : line))), [['line-malformed', 2]]],
  ['a missing line', edit(l => l.filter((_, i) => i !== 5)), [['sequence', 6]]],
  [
    'a line twice',
    edit(l => [...l.slice(0, 4), ...l.slice(3)]),
    [
      ['sequence', 5],
      ['serial-twice', 5],
    ],
  ],
  [
    'two lines exchanged',
    edit(([a = '', b = '', c = '', d = '', ...others]) => [a, b, d, c, ...others]),
    [
      ['sequence', 3],
      ['sequence', 4],
      ['sequence', 5],
    ],
  ],
  [
    'a line that was made to fit',
    edit(l => {
      const [first = ''] = l;
      forge(directory(), ([one = {}]) => [{ ...one, at: '2026-11-22T14:05:00Z' }]);
      const [changed = first] = readLedger(directory());
      return [changed, ...l.slice(1)];
    }),
    [['chain-broken', 2]],
  ],
  [
    'a missing final newline',
    () => {
      const { length } = readFileSync(ledgerPath(directory()));
      truncateSync(ledgerPath(directory()), length - 1);
    },
    [['torn-tail', 9], ['crl-unrecorded']],
  ],
  [
    'a torn tail',
    () => {
      appendFileSync(ledgerPath(directory()), '{"seq":10,');
    },
    [['torn-tail', 10]],
  ],
  [
    'octets that never reached the disk',
    () => {
      appendFileSync(ledgerPath(directory()), '\0'.repeat(5000));
    },
    [['torn-tail', 10]],
  ],
  [
    'a line without end',
    () => {
      truncateSync(ledgerPath(directory()), 40 * 1024 * 1024);
    },
    [['line-malformed', 10]],
  ],
  [
    'no line at all',
    () => {
      truncateSync(ledgerPath(directory()), 0);
    },
    [['ledger-empty'], ['installed-unrecorded'], ['crl-unrecorded'], ['crl-entry-unrecorded']],
  ],
  ['the last line cut off', edit(l => l.slice(0, -1)), [['crl-unrecorded']]],
  ['the last three lines cut off', edit(l => l.slice(0, -3)), [['crl-unrecorded'], ['crl-entry-unrecorded']]],
  [
    'the whole end cut off',
    edit(l => l.slice(0, 2)),
    [['crl-unrecorded'], ['crl-entry-unrecorded'], ['installed-unrecorded']],
  ],
];

const contents: readonly Damage[] = [
  [
    'another notAfter',
    forged(e => void (entry(e, 3)['notAfter'] = '2027-02-21T14:05:01Z')),
    [['certificate-mismatch', 3]],
  ],
  ['another subject', forged(e => void (entry(e, 3)['subject'] = 'CN=x')), [['certificate-mismatch', 3]]],
  ['another name', forged(e => void (entry(e, 3)['names'] = ['DNS:x'])), [['certificate-mismatch', 3]]],
  [
    'another serial number',
    forged(e => void (entry(e, 3)['serial'] = '0a')),
    [['certificate-mismatch', 3], ['installed-unrecorded']],
  ],
  [
    "another line's certificate",
    forged(e => void (entry(e, 3)['certificate'] = entry(e, 4)['certificate'])),
    [
      ['certificate-mismatch', 3],
      ['installed-mismatch', 3],
    ],
  ],
  [
    'a certificate of another issuer',
    forged(e => void Object.assign(entry(e, 4), { certificate: entry(e, 1)['certificate'] })),
    [
      ['certificate-mismatch', 4],
      ['certificate-issuer', 4],
    ],
  ],
  [
    'a certificate with another signature',
    forged(e => {
      const der = Buffer.from(String(entry(e, 4)['certificate']), 'base64');
      der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
      entry(e, 4)['certificate'] = der.toString('base64');
      return undefined;
    }),
    [['certificate-signature', 4]],
  ],
  [
    'a certificate that is none',
    forged(e => void (entry(e, 4)['certificate'] = 'AAAA')),
    [['certificate-malformed', 4]],
  ],
  ['a serial number given twice', forged(e => [...e, { ...entry(e, 3) }]), [['serial-twice', 10]]],
  ['another beginning', forged(e => e.slice(1)), [['not-begun', 1], ['authority-certificate']]],
  [
    'a revocation of what was never issued',
    forged(e => [...e.slice(0, 8), { ...entry(e, 7), serial: 'abcd' }, ...e.slice(8)]),
    [
      ['revocation-unissued', 9],
      ['revocation-unpublished', 9],
    ],
  ],
  [
    'a revocation with another notAfter',
    forged(e => void (entry(e, 7)['notAfter'] = '2026-11-23T00:00:00Z')),
    [['revocation-mismatch', 7]],
  ],
  [
    'a revocation with another reason, date and invalidity date',
    forged(e => {
      Object.assign(entry(e, 7), { reason: 4, date: '2026-11-21T00:00:00Z' });
      delete entry(e, 8)['invalidityDate'];
      return undefined;
    }),
    [
      ['crl-entry-mismatch', 7],
      ['crl-entry-mismatch', 7],
      ['crl-entry-mismatch', 8],
    ],
  ],
  ['a lost revocation', forged(e => e.filter((_, i) => i !== 6)), [['crl-entry-unrecorded']]],
  [
    'a release of what is not on hold',
    forged(e => [...e.slice(0, 8), { at: entry(e, 8)['at'], event: 'released', serial: serial(1) }, ...e.slice(8)]),
    [['release-unheld', 9], ['crl-entry-unrecorded']],
  ],
  ['a CRL number that does not grow', forged(e => void (entry(e, 2)['number'] = 2)), [['crl-number', 9]]],
];

const files: readonly Damage[] = [
  [
    'a revocation that nobody published',
    () =>
      append(
        directory(),
        certificates.slice(3).map(each => revocationOf(each)),
      ),
    [['revocation-unpublished', 10]],
  ],
  [
    'no CRL',
    () => {
      rmSync(paths().crlDer);
    },
    [['crl-missing']],
  ],
  [
    'no CRL as PEM',
    () => {
      rmSync(paths().crlPem);
    },
    [['crl-missing']],
  ],
  [
    'a CRL that is none',
    () => {
      writeFileSync(paths().crlDer, 'x');
    },
    [['crl-malformed']],
  ],
  [
    'no crl.pem',
    () => {
      rmSync(join(directory(), 'crl.pem'));
    },
    [['crl-missing']],
  ],
  [
    'a crl.pem without this CRL',
    () => {
      cpSync(pathsOf(directory(), 'root').crlPem, join(directory(), 'crl.pem'));
    },
    [['crl-not-merged']],
  ],
  [
    "another CA's CRL",
    () => {
      cpSync(pathsOf(directory(), 'root').crlDer, paths().crlDer);
    },
    [['crl-signature']],
  ],
  [
    'a CRL that somebody altered',
    () => {
      const der = readFileSync(paths().crlDer);
      der[der.length - 1] = (der.at(-1) ?? 0) ^ 1;
      writeFileSync(paths().crlDer, der);
    },
    [['crl-signature']],
  ],
  [
    'the CRL before the last',
    async () => {
      const before = readFileSync(paths().crlDer);
      await publish(directory(), now + 1000);
      writeFileSync(paths().crlDer, before);
    },
    [['crl-behind', 10], ['crl-files-differ']],
  ],
  [
    'an old PEM',
    async () => {
      const before = readFileSync(paths().crlPem);
      await publish(directory(), now + 1000);
      writeFileSync(paths().crlPem, before);
    },
    [['crl-files-differ']],
  ],
  [
    'an old crl.pem',
    async () => {
      const before = readFileSync(join(directory(), 'crl.pem'));
      await publish(directory(), now + 1000);
      writeFileSync(join(directory(), 'crl.pem'), before);
    },
    [['crl-not-merged']],
  ],
];

describe('audit', () => {
  it('finds nothing in what is sound', async () => {
    expect(await auditOf(directory())).toEqual({ findings: [], codes: [], sound: true });
    expect(await auditOf(directory(), now, 'root')).toMatchObject({ sound: true });
  });

  it.each([...lines, ...contents, ...files])('finds %s', async (_, damage, expected) => {
    await damage();
    const { findings } = await auditOf(directory(), now + 2000);
    const found = findings.map(finding => ('line' in finding ? [finding.code, finding.line] : [finding.code]));
    for (const each of expected) expect(found).toContainEqual([...each]);
    const known = new Set(expected.map(([code]) => code));
    expect(found.filter(([code]) => !known.has(String(code)))).toEqual([]);
    const line = expected.find(([, number]) => number !== undefined)?.[1];
    if (line !== undefined) expect(found[0]?.[1]).toBe(Math.min(...expected.flatMap(([, number]) => number ?? [])));
  });

  it('finds another certificate under the serial number of an installed one', async () => {
    const [other] = await issueTo(directory(), ['x'], () => 'a');
    install(directory(), 'x', other);
    expect(await auditOf(directory())).toMatchObject({
      findings: [
        { code: 'installed-mismatch', line: 3, file: join(directory(), 'x', 'cert.pem') },
        { code: 'serial-twice', line: 10, first: 3 },
        { code: 'installed-mismatch', line: 10, file: join(directory(), 'a', 'cert.pem') },
      ],
    });
  });

  it('finds a certificate that the key signed without the ledger', async () => {
    const before = readLedger(directory());
    const [other] = await issueTo(directory(), ['x']);
    writeLedger(directory(), before);
    install(directory(), 'x', other);
    expect((await auditOf(directory())).findings).toMatchObject([
      { code: 'installed-unrecorded', file: join(directory(), 'x', 'cert.pem') },
    ]);
  });

  it('finds an intermediate here that its root knows nothing of', async () => {
    const { ledger } = pathsOf(directory(), 'root');
    const [first = '', second = ''] = readFileSync(ledger, 'utf8').split('\n');
    writeFileSync(ledger, `${first}\n${second}\n`);
    expect((await auditOf(directory(), now, 'root')).findings).toMatchObject([
      { code: 'installed-unrecorded', file: paths().certificate },
    ]);
  });

  it('leaves damaged and foreign certificates of services to others', async () => {
    install(directory(), 'x', undefined);
    writeFileSync(join(directory(), 'x', 'cert.pem'), 'x');
    expect((await auditOf(directory())).sound).toBe(true);
  });

  it('finds that the authority has another certificate than its ledger began with', async () => {
    await makeIntermediate(directory(), { name: 'site-b' });
    const other = pathsOf(directory(), 'site-b');
    for (const file of ['certificate', 'chain'] as const) cpSync(other[file], paths()[file]);
    const { codes } = await auditOf(directory());
    expect(codes).toEqual(expect.arrayContaining(['authority-certificate', 'certificate-issuer', 'crl-signature']));
  });

  it('finds that the CRL has ended', async () => {
    expect((await auditOf(directory(), now + 2 * day)).findings).toMatchObject([
      { code: 'crl-expired', number: '2', nextUpdate: now + day },
    ]);
  });

  it('misses no entry that has left the CRL after its certificate had expired', async () => {
    await publish(directory(), now + 91 * day);
    expect((await auditOf(directory(), now + 91 * day)).sound).toBe(true);
    await publish(directory(), now + 92 * day);
    const [crl] = readCrls(readFileSync(paths().crlDer));
    expect(crl?.revokedCount).toBe(0);
    expect((await auditOf(directory(), now + 92 * day)).findings).toEqual([]);
  });

  it.each<[string, () => Promise<void> | void, string, number]>([
    ['a clock that went back', () => append(directory(), [hold(1)], now - 3600_000), 'clock-back', 10],
    ['a line of the future', () => append(directory(), [hold(1)], now + 3600_000), 'clock-ahead', 10],
    [
      'an event of a later version',
      forged(e => [...e, { at: entry(e, 9)['at'], event: 'key-rotated', slot: 3 }]),
      'unknown-event',
      10,
    ],
    [
      'a line of an earlier version behind one of this',
      edit(l => l.map((line, i) => (i === 8 ? line.replace(/,"sum":"[0-9a-f]{64}"/, '') : line))),
      'sum-missing',
      9,
    ],
  ])('warns of %s', async (_, happens, code, line) => {
    await happens();
    const { findings } = await auditOf(directory());
    expect(findings.filter(finding => isWarning(finding))).toMatchObject([{ code, line }]);
  });

  it('takes a ledger of an earlier version, whose lines have no sum', async () => {
    forge(directory(), entries => entries);
    let prev = '0'.repeat(64);
    const old = readLedger(directory()).map(line => {
      const bare = line.replace(/,"sum":"[0-9a-f]{64}"\}$/, '}').replace(/"prev":"[0-9a-f]{64}"/, `"prev":"${prev}"`);
      prev = lineHash(bare);
      return bare;
    });
    writeLedger(directory(), old);
    expect(await auditOf(directory())).toMatchObject({ sound: true, findings: [] });
  });

  it('says of a ledger that is gone what it means', async () => {
    rmSync(ledgerPath(directory()));
    await expect(auditOf(directory())).rejects.toMatchObject({ code: 'ledger-corrupt' });
  });

  it('waits for whoever is publishing, and finds nothing then', async () => {
    const crl = readFileSync(paths().crlDer);
    let audited: Promise<Found> | undefined;
    await withCrlLock(directory(), 'site-a', async () => {
      rmSync(paths().crlDer);
      const looked = new Promise<void>(resolve => {
        faults.before = (_, path) => {
          if (path === paths().crlDer) resolve();
        };
      });
      audited = auditOf(directory());
      await looked;
      faults.before = undefined;
      writeFileSync(paths().crlDer, crl);
    });
    expect((await audited)?.findings).toEqual([]);
  });

  it('makes nothing in a directory without locks, and changes nothing', async () => {
    rmSync(join(directory(), '.locks'), { recursive: true });
    appendFileSync(ledgerPath(directory()), 'torn');
    const before = contentOf(directory());
    expect((await auditOf(directory())).codes).toEqual(['torn-tail']);
    expect(contentOf(directory())).toEqual(before);
    expect(existsSync(join(directory(), '.locks'))).toBe(false);
  });
});

const hold = (index: number): LedgerEvent => ({ event: 'released', serial: serial(index) });
