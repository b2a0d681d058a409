import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Ledger, type LedgerEvent, readEntries } from '../../src/authority/ledger.ts';
import { encodeLine } from '../../src/authority/ledger-format.ts';
import { currentPublication, listedAt, readRevocations, withEvents } from '../../src/authority/revocations.ts';
import { isIssuedLine, readRevokedLine, serialOf } from '../../src/authority/revoked-line.ts';
import { temporaryDirectory } from '../temporary.ts';

const temporary = temporaryDirectory();
const path = (): string => join(temporary(), 'ledger.jsonl');
const day = 86_400_000;
const start = Date.UTC(2026, 10, 22, 14, 5, 1);
const iso = (ms: number): string => new Date(ms).toISOString().replace('.000Z', 'Z');

const revoked = (serial: string, changes: object = {}): LedgerEvent => ({
  ...{ event: 'revoked', serial, reason: 1, date: iso(start), notAfter: iso(start + 90 * day) },
  ...changes,
});
const published = (number: number, at: number, base?: number): LedgerEvent => ({
  ...{ event: 'crl-published', number, thisUpdate: iso(at), nextUpdate: iso(at + day), entries: 0 },
  sha256: 'ab'.repeat(32),
  ...(base !== undefined && { base }),
});

async function read(...events: readonly LedgerEvent[]) {
  writeFileSync(path(), '');
  await Ledger.open(path(), join(temporary(), 'lock')).append(events, start);
  return readRevocations(path());
}

const serialsAt = (revocations: Parameters<typeof listedAt>[0], at: number): readonly string[] =>
  [...listedAt(revocations, at).revocations()].map(({ serial }) => serial);

describe('readRevocations', () => {
  it('reads what the parser reads, whatever the lines are', async () => {
    const serial = fc.integer({ min: 0, max: 20 }).map(value => (0xa0 + value).toString(16));
    const instant = fc.integer({ min: 0, max: 200 }).map(days => iso(start + days * day));
    const event = fc.oneof(
      fc.record({
        ...{ event: fc.constant('revoked' as const), serial, reason: fc.constantFrom(0, 1, 6, 10) },
        ...{ date: instant, notAfter: instant },
      }),
      fc.tuple(serial, instant).map(([each, at]) => revoked(each, { invalidityDate: at })),
      serial.map((each): LedgerEvent => ({ event: 'released', serial: each })),
      instant.map(at => published(1, Date.parse(at))),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(event, { minLength: 1, maxLength: 30 }), async events => {
        const revocations = await read(...events);
        const model = new Map<string, object>();
        for await (const entry of readEntries(path())) {
          if (entry.event === 'released') model.delete(entry.serial);
          if (entry.event === 'revoked') {
            const { reason, seq, date, notAfter, invalidityDate } = entry;
            const since = invalidityDate === undefined ? undefined : Date.parse(invalidityDate);
            model.set(entry.serial, {
              serial: entry.serial,
              reason,
              seq,
              date: Date.parse(date),
              notAfter: Date.parse(notAfter),
              invalidityDate: since,
            });
          }
        }
        for (let i = 0; i <= 20; i += 1) {
          const each = (0xa0 + i).toString(16);
          expect(revocations.revoked.get(each)).toEqual(model.get(each));
        }
      }),
      { numRuns: 40 },
    );
  });

  it('takes no line that was altered', async () => {
    await read(revoked('0a'), revoked('0b'), revoked('0c'));
    const text = readFileSync(path(), 'utf8');
    writeFileSync(path(), text.replace('"serial":"0b"', '"serial":"0d"'));
    await expect(readRevocations(path())).rejects.toMatchObject({ code: 'ledger-corrupt', details: { line: 2 } });
  });

  it('reads up to a torn line', async () => {
    await read(revoked('0a'), revoked('0b'));
    appendFileSync(path(), '{"seq":3,"at":"20');
    expect((await readRevocations(path())).revoked.has('0b')).toBe(true);
  });

  it('adds what was appended since, and leaves what was read as it was', async () => {
    const before = await read(revoked('0a'), revoked('0b'));
    const after = withEvents(before, [revoked('0c'), { event: 'released', serial: '0a' }]);
    expect([serialsAt(before, start), serialsAt(after, start)]).toEqual([
      ['0a', '0b'],
      ['0b', '0c'],
    ]);
  });
});

describe('listedAt', () => {
  it('keeps an entry until it was on one CRL after its certificate had expired', async () => {
    const soon = { notAfter: iso(start + day) };
    const revocations = await read(revoked('0a', soon), published(1, start + 2 * day), revoked('0b', soon));
    expect(serialsAt(revocations, start + 3 * day)).toEqual(['0b']);
  });

  it('does not count a CRL that is signed ahead, and begins later', async () => {
    const ahead = [published(1, start), published(2, start + 30 * day), published(3, start + 60 * day)];
    const revocations = await read(revoked('0a', { notAfter: iso(start + 10 * day) }), ...ahead);
    expect(serialsAt(revocations, start + 20 * day)).toEqual(['0a']);
    expect(serialsAt(revocations, start + 40 * day)).toEqual([]);
  });

  it('does not count a delta', async () => {
    const revocations = await read(revoked('0a', { notAfter: iso(start + day) }), published(2, start + 2 * day, 1));
    expect(serialsAt(revocations, start + 3 * day)).toEqual(['0a']);
  });
});

describe('currentPublication', () => {
  it('is the one whose turn it is, and one signed out of turn before those of the series', async () => {
    const series = [published(1, start), published(2, start + 30 * day), published(3, start + 60 * day)];
    const revocations = await read(...series, published(4, start + 35 * day), published(5, start + 36 * day, 4));
    const numberAt = (at: number) => currentPublication(revocations, at)?.number;
    expect([0, 29, 31, 35, 70].map(days => numberAt(start + days * day))).toEqual([1, 1, 2, 4, 4]);
    expect(numberAt(start - 1)).toBeUndefined();
  });
});

describe('a line that is read octet by octet', () => {
  const line = (text: string, number = 3) => ({
    bytes: Buffer.from(text),
    number,
    offset: 0,
    hasNewline: true,
    isLast: false,
  });
  const usual =
    '"at":"2026-11-22T14:05:01Z","event":"revoked","serial":"0abc","reason":1,"date":"2026-11-22T14:05:01Z","notAfter":"2027-02-20T14:05:01Z"';

  it('is read where it is of the usual form', () => {
    const found = readRevokedLine(line(encodeLine(3, usual, 'ab'.repeat(32))));
    expect(found && { ...found, line: serialOf(found) }).toMatchObject({
      line: '0abc',
      reason: 1,
      seq: 3,
      date: start,
    });
  });

  it.each([
    ['another number', encodeLine(4, usual, 'ab'.repeat(32))],
    ['a space', encodeLine(3, usual.replace('"reason":1', '"reason": 1'), 'ab'.repeat(32))],
    ['a field more', encodeLine(3, `${usual},"why":1`, 'ab'.repeat(32))],
    ['no such day', encodeLine(3, usual.replace('"2027-02-20', '"2027-02-30'), 'ab'.repeat(32))],
    ['a reason with a zero before it', encodeLine(3, usual.replace('"reason":1', '"reason":01'), 'ab'.repeat(32))],
    ['capitals', encodeLine(3, usual.replace('0abc', '0ABC'), 'ab'.repeat(32))],
    ['another sum', encodeLine(3, usual, 'ab'.repeat(32)).replace(/.{3}$/, '0"}').replace(/0"}$/, 'g"}')],
    ['no sum', `{"seq":3,${usual},"prev":"${'ab'.repeat(32)}"}`],
    ['another event', encodeLine(3, usual.replace('revoked', 'renewed'), 'ab'.repeat(32))],
  ])('is left to the parser with %s', (_, text) => {
    expect(readRevokedLine(line(text))).toBeUndefined();
    expect(isIssuedLine(line(text))).toBe(false);
  });
});
