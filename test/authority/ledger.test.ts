import { createHash } from 'node:crypto';
import {
  appendFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { checkHashChain, checkLedgerFile } from './hash-chain.ts';
import { Ledger, type LedgerEntry, readEntries } from '../../src/authority/ledger.ts';
import {
  encodeEvent,
  encodeLine,
  type Issued,
  type LedgerEvent,
  parseLine,
  withSum,
} from '../../src/authority/ledger-format.ts';
import { MtlsctlError } from '../../src/errors.ts';
import { faults } from '../../src/file-operations.ts';
import { operationsOf, systemError, withEachFault } from '../faults.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const path = (): string => join(directory(), 'ledger.jsonl');
const open = (): Ledger => Ledger.open(path(), join(directory(), 'lock'));
const now = Date.UTC(2026, 10, 22, 14, 5, 1);

function issued(serial: string, changes: Partial<Issued> = {}): Issued {
  return {
    event: 'issued',
    serial,
    service: 'user-svc',
    subject: 'CN=user-svc.link.internal',
    names: ['DNS:user-svc.link.internal', 'DNS:user-svc'],
    profile: 'service',
    notBefore: '2026-11-22T14:04:01Z',
    notAfter: '2027-02-20T14:05:01Z',
    certificate: Buffer.alloc(600, serial).toString('base64'),
    ...changes,
  };
}

const revoked = (serial: string): LedgerEvent => ({
  event: 'revoked',
  serial,
  reason: 1,
  date: '2026-12-01T00:00:00Z',
  notAfter: '2027-02-20T14:05:01Z',
});

/** A line that was altered, with the sum that fits it. */
const resealed = (line: string): string => withSum(line.replace(/,"sum":"[0-9a-f]{64}"\}$/, ''));

const serials = (count: number): readonly string[] =>
  Array.from({ length: count }, (_, i) => (i + 0x100000).toString(16));

async function written(count: number): Promise<Buffer> {
  await open().append(
    serials(count).map(serial => issued(serial)),
    now,
  );
  return readFileSync(path());
}

async function all(source: AsyncIterable<LedgerEntry>): Promise<readonly LedgerEntry[]> {
  const entries: LedgerEntry[] = [];
  for await (const entry of source) entries.push(entry);
  return entries;
}

afterEach(() => {
  faults.before = undefined;
});

describe('append', () => {
  it('writes one JSON object a line, each with the hash of the line before', async () => {
    await open().append([issued('0a')], now);
    await open().append([revoked('0a'), { event: 'released', serial: '0a' }], now + 1500);
    const [first = '', second = '', third = '', ...rest] = readFileSync(path(), 'utf8').split('\n');
    const sha256 = (line: string): string => createHash('sha256').update(line).digest('hex');
    expect(first).toMatch(
      /^\{"seq":1,"at":"2026-11-22T14:05:01Z","event":"issued","serial":"0a",.*"prev":"0{64}","sum":"[0-9a-f]{64}"\}$/,
    );
    const covered = `{"seq":2,"at":"2026-11-22T14:05:02.500Z","event":"revoked","serial":"0a","reason":1,"date":"2026-12-01T00:00:00Z","notAfter":"2027-02-20T14:05:01Z","prev":"${sha256(first)}"`;
    expect(second).toBe(`${covered},"sum":"${sha256(covered)}"}`);
    expect(JSON.parse(third)).toMatchObject({ seq: 3, event: 'released', prev: sha256(second) });
    expect(rest).toEqual(['']);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('gives back what was put in', async () => {
    const events: readonly LedgerEvent[] = [
      {
        event: 'authority-created',
        subject: 'CN=Größe\u2028"\\',
        serial: 'ff',
        notBefore: '2026-11-22T14:04:01Z',
        notAfter: '2036-11-22T14:04:01Z',
        certificate: 'AAAA',
      },
      issued('01'),
      revoked('01'),
      { event: 'released', serial: '01' },
      {
        event: 'crl-published',
        number: 1,
        thisUpdate: '2026-11-22T14:04:01Z',
        nextUpdate: '2026-11-23T14:04:01Z',
        entries: 0,
        sha256: 'a'.repeat(64),
      },
    ];
    await open().append(events, now);
    const { entries, torn } = await open().read();
    expect(torn).toBeUndefined();
    expect(
      entries.map(({ seq, at, prev, sum, ...event }) => ({ seq, at, prev: prev.length, sum: sum?.length, event })),
    ).toEqual(events.map((event, i) => ({ seq: i + 1, at: '2026-11-22T14:05:01Z', prev: 64, sum: 64, event })));
  });

  it('shares the lock and the fsync among calls made at the same time', async () => {
    const ledger = open();
    const operations = await operationsOf(() =>
      Promise.all(serials(1000).map(serial => ledger.append([issued(serial)], now))),
    );
    expect(operations.filter(operation => operation === 'sync').length).toBeLessThan(5);
    expect(checkLedgerFile(path())).toMatchObject({ lines: 1000, fault: undefined, torn: undefined });
    expect(new Set((await ledger.read()).entries.map(entry => entry.event === 'issued' && entry.serial)).size).toBe(
      1000,
    );
  });

  it('keeps the events of one call next to each other', async () => {
    const ledger = open();
    await Promise.all(serials(50).map(serial => ledger.append([issued(serial), revoked(serial)], now)));
    const { entries } = await ledger.read();
    for (let i = 0; i < entries.length; i += 2) {
      const [first, second] = entries.slice(i, i + 2);
      expect(first).toMatchObject({ event: 'issued' });
      expect(second).toMatchObject({ event: 'revoked', serial: first?.event === 'issued' ? first.serial : '' });
    }
  });

  it('writes no more than a few MB at once, whatever is waiting', async () => {
    const ledger = open();
    const certificate = Buffer.alloc(1_500_000).toString('base64');
    await Promise.all(serials(5).map(serial => ledger.append([issued(serial, { certificate })], now)));
    expect(checkLedgerFile(path())).toMatchObject({ lines: 5, fault: undefined });
  });

  it('goes on from what another process appended', async () => {
    const [one, other] = [open(), open()];
    for (const serial of serials(6))
      await (Number.parseInt(serial, 16) % 2 === 0 ? one : other).append([issued(serial)], now);
    expect(checkLedgerFile(path())).toMatchObject({ lines: 6, fault: undefined });
  });

  it('reads only the end of a large ledger', async () => {
    await written(2000);
    let octets = 0;
    faults.before = operation => {
      if (operation === 'read') octets += 1;
    };
    await open().append([issued('ff')], now);
    expect(octets).toBe(1);
    expect(checkLedgerFile(path()).lines).toBe(2001);
  });

  it('finds the last line also where it is a long one', async () => {
    await open().append([issued('01', { certificate: 'A'.repeat(400_000) })], now);
    await open().append([issued('02', { certificate: 'A'.repeat(400_000) })], now);
    await open().append([issued('03')], now);
    expect(checkLedgerFile(path())).toMatchObject({ lines: 3, fault: undefined });
  });

  it('refuses an event it would not read back, alone', async () => {
    const ledger = open();
    const results = await Promise.allSettled([
      ledger.append([issued('01')], now),
      ledger.append([issued('NOT HEX')], now),
      ledger.append([issued('02')], now),
    ]);
    expect(results.map(result => result.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(results[1]).toMatchObject({ reason: expect.any(TypeError) as unknown });
    expect(checkLedgerFile(path()).lines).toBe(2);
  });

  it('refuses to go on from a line that is no entry', async () => {
    writeFileSync(path(), '{"seq":"one"}\n');
    await expect(open().append([issued('01')], now)).rejects.toMatchObject({ code: 'ledger-corrupt' });
    expect(readFileSync(path(), 'utf8')).toBe('{"seq":"one"}\n');
  });

  it('refuses to go on from a line that was altered', async () => {
    const altered = (await written(2)).toString().replace(/user-svc(?=.*\n$)/g, 'evil-svc');
    writeFileSync(path(), altered);
    await expect(open().append([issued('ff')], now)).rejects.toMatchObject({ code: 'ledger-corrupt' });
    expect(readFileSync(path(), 'utf8')).toBe(altered);
  });

  it('lets everybody know when there is no lock to be had', async () => {
    const ledger = open();
    faults.before = operation => {
      if (operation === 'mkdir') throw systemError('EROFS');
    };
    const results = await Promise.allSettled(serials(3).map(serial => ledger.append([issued(serial)], now)));
    for (const result of results) expect(result).toMatchObject({ reason: { code: 'unwritable' } });
    faults.before = undefined;
    await ledger.append([issued('01')], now);
  });

  it('has all of an append or nothing of it when any operation fails, and can always go on', async () => {
    for (const code of ['ENOSPC', 'EIO', 'EACCES']) {
      let before = 0;
      const prepare = async () => {
        await open().append([issued('01')], now);
        before = checkLedgerFile(path()).lines;
        const ledger = open();
        return () => ledger.append([issued('02'), issued('03')], now);
      };
      const count = await withEachFault(code, prepare, ({ error, failed }) => {
        const check = checkLedgerFile(path());
        expect(check).toMatchObject({ fault: undefined, torn: undefined });
        expect(check.lines - before).toBe(error === undefined ? 2 : 0);
        if (error !== undefined) expect(error, failed?.operation).toBeInstanceOf(MtlsctlError);
      });
      expect(count).toBeGreaterThan(8);
    }
  });
});

describe('a torn tail', () => {
  const torn = ['{"seq":4,"at":"2026', '\0'.repeat(5000), '\0\0\0\n', 'x', '{"seq":4,\0\0\0}\n', '{}'];

  it.each(torn)('%j is told of and never read as data', async tail => {
    const whole = await written(3);
    appendFileSync(path(), tail);
    const content = await open().read();
    expect(content.entries).toHaveLength(3);
    expect(content.torn).toEqual({ line: 4, offset: whole.length, length: tail.length });
    expect(checkLedgerFile(path())).toMatchObject({ lines: 3, fault: undefined, torn: content.torn });
  });

  it.each(['\n', '[1]\n', '{"seq":4,"at":\n'])('is not what %j is, which no crash leaves', async tail => {
    await written(3);
    appendFileSync(path(), tail);
    await expect(open().read()).rejects.toMatchObject({ code: 'ledger-corrupt', details: { line: 4 } });
    await expect(open().append([issued('ff')], now)).rejects.toMatchObject({ code: 'ledger-corrupt' });
    expect(checkLedgerFile(path()).fault).toMatchObject({ line: 4, kind: 'malformed' });
  });

  it.each(torn)('%j is set aside by the next append', async tail => {
    await written(3);
    appendFileSync(path(), tail);
    await open().append([issued('ff')], now);
    expect(checkLedgerFile(path())).toMatchObject({ lines: 4, fault: undefined, torn: undefined });
    const aside = join(directory(), 'ledger.torn-20261122T140501Z');
    expect(readFileSync(aside, 'utf8')).toBe(tail);
    expect(statSync(aside).mode & 0o777).toBe(0o600);
  });

  it('is found wherever the crash cut', async () => {
    const whole = await written(2);
    const firstLine = whole.indexOf(10) + 1;
    for (let length = 0; length < whole.length; length += 7) {
      writeFileSync(path(), whole.subarray(0, length));
      await open().append([issued('ff')], now + length * 1000);
      expect(checkLedgerFile(path())).toMatchObject({ lines: length < firstLine ? 1 : 2, fault: undefined });
    }
  });

  it('never overwrites one set aside before', async () => {
    await written(1);
    for (const tail of ['a', 'b', 'c']) {
      appendFileSync(path(), tail);
      await open().append([issued('ff')], now);
    }
    const aside = readdirSync(directory())
      .filter(name => name.startsWith('ledger.torn-'))
      .sort();
    expect(aside.map(name => readFileSync(join(directory(), name), 'utf8'))).toEqual(['a', 'b', 'c']);
  });

  it('stays until it is safely set aside', async () => {
    let round = 0;
    const prepare = async () => {
      round += 1;
      for (const name of readdirSync(directory())) rmSync(join(directory(), name), { recursive: true });
      await open().append([issued('01')], now);
      appendFileSync(path(), 'torn!');
      const ledger = open();
      return () => ledger.append([issued('02')], now + round * 1000);
    };
    await withEachFault('EIO', prepare, async () => {
      const aside = readdirSync(directory()).some(name => name.startsWith('ledger.torn-'));
      expect(aside || (await open().read()).torn !== undefined).toBe(true);
      await open().append([issued('03')], now);
      expect(checkLedgerFile(path())).toMatchObject({ fault: undefined, torn: undefined });
    });
  });
});

describe('reading', () => {
  it('says not-found where there is no ledger', async () => {
    await expect(open().read()).rejects.toMatchObject({ code: 'not-found' });
    expect(existsSync(path())).toBe(false);
  });

  it('takes an empty file for an empty ledger', async () => {
    writeFileSync(path(), '');
    expect(await open().read()).toEqual({ entries: [], torn: undefined });
  });

  it.each([
    ['no JSON', 'garbage', /line 2: it is not a JSON object/],
    ['not an object', '[]', /line 2: it is not a JSON object/],
    ['bad UTF-8', Buffer.from([0x7b, 0xff, 0x7d]), /line 2: it is not a JSON object/],
    ['another seq', encodeLine(3, encodeEvent(issued('01'), now), '0'.repeat(64)), /line 2: its 'seq' is 3/],
    [
      'a serial in capitals',
      encodeLine(2, '"at":"2026-11-22T14:05:01Z","event":"released","serial":"0A"', '0'.repeat(64)),
      /'serial'/,
    ],
    [
      'a missing field',
      encodeLine(2, '"at":"2026-11-22T14:05:01Z","event":"issued","serial":"0a"', '0'.repeat(64)),
      /'subject' is not text/,
    ],
    [
      'a date that is none',
      encodeLine(2, '"at":"2026-13-22T14:05:01Z","event":"released","serial":"0a"', '0'.repeat(64)),
      /'at'/,
    ],
    ['a short prev', encodeLine(2, '"at":"2026-11-22T14:05:01Z","event":"released","serial":"0a"', '00'), /'prev'/],
    ['an event that is no text', encodeLine(2, '"at":"2026-11-22T14:05:01Z","event":7', '0'.repeat(64)), /'event'/],
  ])('names the line that holds %s', async (_, line, message) => {
    const [first = '', third = ''] = (await written(2)).toString().split('\n');
    writeFileSync(path(), Buffer.concat([Buffer.from(`${first}\n`), Buffer.from(line), Buffer.from(`\n${third}\n`)]));
    const error = await open()
      .read()
      .catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'ledger-corrupt', details: { line: 2 }, hints: [`sed -n 2p ${path()}`] });
    expect((error as MtlsctlError).message).toMatch(message);
  });

  it('keeps events of a later version', async () => {
    const event = '"at":"2026-11-22T14:05:01Z","event":"key-rotated","to":{"slot":3}';
    writeFileSync(path(), `${encodeLine(1, event, '0'.repeat(64))}\n`);
    await open().append([issued('01')], now);
    const { entries } = await open().read();
    expect(entries[0]).toMatchObject({ seq: 1, event: 'unknown', name: 'key-rotated', fields: { to: { slot: 3 } } });
    expect(entries[1]).toMatchObject({ seq: 2, event: 'issued' });
  });

  it('passes over events that are not asked for, and none that is written differently', async () => {
    await open().append([issued('01'), revoked('01'), issued('02')], now);
    const lines = readFileSync(path(), 'utf8').trimEnd().split('\n');
    const other = resealed(`{ "event": "revoked", ${(lines[1] ?? '').slice(1).replace('"event":"revoked",', '')}`);
    writeFileSync(path(), `${[lines[0], other, lines[2]].join('\n')}\n`);
    const entries = await all(readEntries(path(), { events: new Set(['revoked']) }));
    expect(entries.map(entry => entry.seq)).toEqual([2]);
    expect(await all(readEntries(path(), { events: new Set(['unknown']) }))).toEqual([]);
  });

  it.each([
    ['a revocation', 'revoked', '"reason":1', '"reason":6'],
    ['a revocation that became something else', 'revoked', 'revoked', 'revokee'],
  ])('refuses %s that was altered', async (_, event, from, to) => {
    await open().append([issued('01'), revoked('01'), issued('02')], now);
    writeFileSync(path(), readFileSync(path(), 'utf8').replace(from, to));
    const events = new Set([event]) as ReadonlySet<LedgerEntry['event']>;
    await expect(all(readEntries(path(), { events }))).rejects.toMatchObject({
      code: 'ledger-corrupt',
      details: { line: 2 },
    });
  });

  it('finds lines across the edges of what is read at once', async () => {
    await written(1500);
    expect(statSync(path()).size).toBeGreaterThan(1024 * 1024);
    const entries = await all(readEntries(path()));
    expect(entries.map(entry => entry.event === 'issued' && entry.serial)).toEqual(serials(1500));
  });

  it('refuses a file without an end of line before it fills the memory', async () => {
    writeFileSync(path(), 'x');
    truncateSync(path(), 64 * 1024 * 1024);
    await expect(open().read()).rejects.toMatchObject({ code: 'ledger-corrupt' });
    await expect(open().append([issued('01')], now)).rejects.toMatchObject({ code: 'ledger-corrupt' });
  });
});

describe('checkHashChain', () => {
  it('accepts what was written and says where the chain ends', async () => {
    const bytes = await written(20);
    const lines = bytes.toString().trimEnd().split('\n');
    const head = createHash('sha256')
      .update(lines[19] ?? '')
      .digest('hex');
    expect(checkHashChain(bytes)).toEqual({ lines: 20, head, fault: undefined, torn: undefined });
    expect(checkLedgerFile(path())).toEqual(checkHashChain(bytes));
  });

  it('finds every change of one octet', async () => {
    const bytes = await written(6);
    fc.assert(
      fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), fc.integer({ min: 1, max: 255 }), (offset, change) => {
        const changed = Buffer.from(bytes);
        changed[offset] = (changed[offset] ?? 0) ^ change;
        const line = 1 + bytes.subarray(0, offset).filter(octet => octet === 10).length;
        const { fault, torn } = checkHashChain(changed);
        // The line itself, or the next one, whose `prev` no longer fits.
        expect((fault ?? torn)?.line).toBeGreaterThanOrEqual(line);
        expect((fault ?? torn)?.line).toBeLessThanOrEqual(line + 1);
      }),
      { numRuns: 300 },
    );
  });

  it('accepts lines without a sum, as earlier versions wrote them', async () => {
    const lines = (await written(3)).toString().split('\n');
    lines[2] = (lines[2] ?? '').replace(/,"sum":"[0-9a-f]{64}"\}$/, '}');
    const bytes = Buffer.from(lines.join('\n'));
    expect(checkHashChain(bytes)).toMatchObject({ lines: 3, fault: undefined });
    writeFileSync(path(), bytes);
    await open().append([issued('ff')], now);
    expect(checkLedgerFile(path())).toMatchObject({ lines: 4, fault: undefined });
  });

  it('finds a sum whose name was altered in the last line', async () => {
    const text = (await written(2)).toString();
    const at = text.lastIndexOf('"sum"') + 1;
    const altered = Buffer.from(`${text.slice(0, at)}tum${text.slice(at + 3)}`);
    expect(checkHashChain(altered).fault).toMatchObject({ line: 2 });
  });

  it('finds a line that is missing, doubled or exchanged', async () => {
    const lines = (await written(5)).toString().trimEnd().split('\n');
    const check = (order: readonly number[]) =>
      checkHashChain(Buffer.from(order.map(index => `${lines[index] ?? ''}\n`).join(''))).fault;
    expect(check([0, 1, 2, 3, 4])).toBeUndefined();
    expect(check([0, 1, 3, 4])).toMatchObject({ line: 3, kind: 'seq', expected: '3', found: '4' });
    expect(check([1, 2, 3, 4])).toMatchObject({ line: 1, kind: 'seq' });
    expect(check([0, 1, 1, 2, 3, 4])).toMatchObject({ line: 3, kind: 'seq' });
    expect(check([0, 2, 1, 3, 4])).toMatchObject({ line: 2, kind: 'seq' });
  });

  it('finds a line that was altered with its number kept', async () => {
    const lines = (await written(3)).toString().split('\n');
    lines[1] = resealed((lines[1] ?? '').replace('user-svc', 'evil-svc'));
    const fault = checkHashChain(Buffer.from(lines.join('\n'))).fault;
    expect(fault).toMatchObject({ line: 3, kind: 'prev' });
    expect(fault?.expected).toMatch(/^[0-9a-f]{64}$/);
    expect(fault?.found).not.toBe(fault?.expected);
  });
});

describe('parseLine', () => {
  it('never throws, whatever the line holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), text => {
        const entry = parseLine(Buffer.from(text));
        expect(['string', 'object']).toContain(typeof entry);
      }),
    );
  });
});
