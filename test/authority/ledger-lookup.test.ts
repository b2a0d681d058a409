import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Ledger } from '../../src/authority/ledger.ts';
import { encodeEvent, encodeLine, type Issued, type LedgerEvent, withSum } from '../../src/authority/ledger-format.ts';
import { type IssuedEntry, type IssuedHead, selectIssued } from '../../src/authority/ledger-lookup.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const path = (): string => join(directory(), 'ledger.jsonl');
const now = Date.UTC(2026, 10, 22, 14, 5, 1);

function issued(serial: string, service: string | undefined): Issued {
  return {
    event: 'issued',
    serial,
    ...(service !== undefined && { service }),
    subject: `CN=${serial}`,
    names: ['"serial":"ff"', '"service":"decoy"'],
    profile: 'service',
    notBefore: '2026-11-22T14:04:01Z',
    notAfter: '2027-02-20T14:05:01Z',
    certificate: 'AAAA',
  };
}

const released = (serial: string): LedgerEvent => ({ event: 'released', serial });

async function write(...events: readonly LedgerEvent[]): Promise<void> {
  await Ledger.open(path(), join(directory(), 'lock')).append(events, now);
}

/** Changes the text of one line, counted from 1, and its sum with it. */
function rewrite(number: number, change: (line: string) => string): void {
  const lines = readFileSync(path(), 'utf8').split('\n');
  lines[number - 1] = withSum(change(lines[number - 1] ?? '').replace(/,"sum":"[0-9a-f]{64}"\}$/, ''));
  writeFileSync(path(), lines.join('\n'));
}

async function select(wanted: (head: IssuedHead) => boolean): Promise<readonly IssuedEntry[]> {
  const found: IssuedEntry[] = [];
  for await (const entry of selectIssued(path(), wanted)) found.push(entry);
  return found;
}

const bySerial = (...serials: readonly string[]) => select(({ serial }) => serials.includes(serial));
const issuedTo = (service: string) => select(head => head.service === service);

describe('looking certificates up', () => {
  it('finds those with a serial number, and no other event that names it', async () => {
    await write(issued('0a', 'a'), issued('0b', 'b'), released('0a'), issued('0c', undefined), released('ff'));
    const found = await bySerial('0a', '0c', 'ff');
    expect(found.map(({ seq, serial }) => [seq, serial])).toEqual([
      [1, '0a'],
      [4, '0c'],
    ]);
  });

  it('finds those of a service, the newest last', async () => {
    await write(issued('0a', 'a'), issued('0b', 'b'), issued('0c', 'a'), issued('0d', undefined));
    expect((await issuedTo('a')).map(entry => entry.serial)).toEqual(['0a', '0c']);
    expect(await issuedTo('decoy')).toEqual([]);
  });

  it('picks by what the beginning of a line tells', async () => {
    await write(issued('0a', 'a'), issued('0b', undefined), released('0a'));
    const heads: unknown[] = [];
    for await (const entry of selectIssued(path(), head => heads.push(head) === 1)) expect(entry.serial).toBe('0a');
    // The wanted one is asked about again when its line has been parsed.
    expect(heads).toMatchObject([
      { at: now, serial: '0a', service: 'a' },
      { at: now, serial: '0a', service: 'a' },
      { at: now, serial: '0b', service: undefined },
    ]);
  });

  it.each([
    ['a service whose name has to be escaped', '"service":"a"', '"service":"a\\"b"', 'a"b'],
    ['a name that is written in another way', '"service":"a"', '"service":"\\u0061"', 'a'],
    ['white space', '"service":"a"', '"service" : "a"', 'a'],
    ['another order of members', '"serial":"0a","service":"a"', '"service":"a","serial":"0a"', 'a'],
  ])('finds %s', async (_, from, to, service) => {
    await write(issued('0a', 'a'), issued('0b', 'b'), issued('0c', 'c'));
    rewrite(1, line => line.replace(from, to));
    expect((await issuedTo(service)).map(entry => entry.serial)).toEqual(['0a']);
    expect(await bySerial('0a')).toHaveLength(1);
  });

  it('finds what stands in the last line, and never what a crash cut off', async () => {
    await write(issued('0a', 'a'));
    const torn = encodeLine(2, encodeEvent(issued('0b', 'a'), now), '0'.repeat(64));
    appendFileSync(path(), torn);
    expect((await issuedTo('a')).map(entry => entry.serial)).toEqual(['0a']);
  });

  it.each([
    ['a number that does not follow', (line: string) => line.replace('"seq":2', '"seq":3')],
    ['no JSON', (line: string) => line.replace('{', '')],
    ['an instant that is none', (line: string) => line.replace(/"at":"\d{4}/, '"at":"9999-9')],
  ])('refuses a ledger with %s', async (_, change) => {
    await write(issued('0a', 'a'), issued('0b', 'b'), issued('0c', 'c'));
    rewrite(2, change);
    await expect(issuedTo('a')).rejects.toMatchObject({ code: 'ledger-corrupt', details: { line: 2 } });
  });

  it('says not-found where there is no ledger', async () => {
    await expect(bySerial()).rejects.toMatchObject({ code: 'not-found' });
  });
});
