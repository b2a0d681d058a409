import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { Ledger } from '../../src/authority/ledger.ts';
import type { LedgerEvent } from '../../src/authority/ledger-format.ts';
import { RevocationTable } from '../../src/authority/revocation-table.ts';
import { listedAt, readRevocations } from '../../src/authority/revocations.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const path = (): string => join(directory(), 'ledger.jsonl');
const kept = (): string => join(directory(), 'ledger.revocations');
const now = Date.UTC(2026, 10, 22, 14, 5, 1);

const revoked = (serial: string, changes: object = {}): LedgerEvent => ({
  ...{ event: 'revoked', serial, reason: 4, date: '2026-11-22T14:05:01Z', notAfter: '2027-02-20T14:05:01Z' },
  ...changes,
});

const published = (number: number): LedgerEvent => ({
  ...{ event: 'crl-published', number, thisUpdate: '2026-11-22T14:05:01Z', nextUpdate: '2026-11-23T14:05:01Z' },
  ...{ entries: number, sha256: 'a'.repeat(64) },
});

async function append(...events: readonly LedgerEvent[]): Promise<void> {
  await Ledger.open(path(), join(directory(), 'lock')).append(events, now);
}

/** Some 1.3 MB. */
const count = 4000;
const many = Array.from({ length: count }, (_, index) =>
  revoked((index + 0x1000).toString(16).repeat(4), index % 7 === 0 ? { invalidityDate: '2026-11-01T00:00:00Z' } : {}),
);
const [first = '', second = ''] = [0x1000, 0x1001].map(number => number.toString(16).repeat(4));

/** All that a CRL is made from. */
async function read(): Promise<unknown> {
  const { revoked: table, released, publications } = await readRevocations(path());
  const listed = [...listedAt({ revoked: table, released, publications }, now).revocations()];
  return { listed, released: [...released], publications };
}

/** The same without what is kept. */
async function readAnew(): Promise<unknown> {
  const octets = readFileSync(kept());
  writeFileSync(kept(), '');
  const found = await read();
  writeFileSync(kept(), octets);
  return found;
}

beforeEach(async () => {
  await append(...many.slice(0, count / 2), { event: 'released', serial: first }, published(1));
  await append(...many.slice(count / 2));
});

describe('the revocations that are kept of a large ledger', () => {
  it('say the same as the ledger', async () => {
    const found = await read();
    expect(statSync(kept()).mode & 0o777).toBe(0o600);
    expect(await read()).toEqual(found);
    expect(await readAnew()).toEqual(found);
    expect((found as { listed: readonly unknown[] }).listed).toHaveLength(count - 1);
  });

  it('stand for the lines that were read, which are not read again', async () => {
    await read();
    const lines = readFileSync(path());
    lines.fill(0x20, 0, 200);
    writeFileSync(path(), lines);
    expect((await readRevocations(path())).revoked.has(second)).toBe(true);
    writeFileSync(kept(), '');
    await expect(readRevocations(path())).rejects.toMatchObject({ code: 'ledger-corrupt' });
  });

  it('go on with what was appended since', async () => {
    await read();
    await append(revoked('abcd'), { event: 'released', serial: second }, revoked(first, { reason: 1 }), published(2));
    const { revoked: table, released, publications } = await readRevocations(path());
    expect([table.has('abcd'), table.has(second), table.get(first)?.reason]).toEqual([true, false, 1]);
    expect([...released.keys()]).toEqual([second]);
    expect(publications.map(({ number }) => number)).toEqual([1, 2]);
    expect(await read()).toEqual(await readAnew());
  });

  it('are written again only when there is much that is new', async () => {
    await read();
    const before = readFileSync(kept());
    await append(revoked('abcd'));
    await read();
    expect(readFileSync(kept()).equals(before)).toBe(true);
  });

  it('go with another ledger, though it is as long', async () => {
    const found = await read();
    const other = join(directory(), 'other');
    const text = readFileSync(path(), 'utf8').trimEnd().split('\n');
    writeFileSync(other, text.join('\n'));
    writeFileSync(path(), `${text.slice(0, -1).join('\n')}\n`);
    const { revoked: table } = await readRevocations(path());
    expect(table.has((count - 1 + 0x1000).toString(16).repeat(4))).toBe(false);
    writeFileSync(path(), `${text.join('\n')}\n`);
    expect(await read()).toEqual(found);
  });

  it.each([
    [
      'a changed octet',
      (octets: Buffer) => Buffer.from(octets.map((octet, at) => (at === octets.length - 9 ? octet ^ 1 : octet))),
    ],
    [
      'another CRL number',
      (octets: Buffer) => Buffer.from(octets.toString('latin1').replace(/"number":\d/, '"number":0'), 'latin1'),
    ],
    ['a cut-off end', (octets: Buffer) => octets.subarray(0, -1)],
    ['no line', (octets: Buffer) => octets.subarray(octets.indexOf(10) + 1, octets.indexOf(10) + 2000)],
    [
      'another byte order',
      (octets: Buffer) =>
        Buffer.from(octets.toString('latin1').replace(/"byteOrder":".."/, '"byteOrder":"??"'), 'latin1'),
    ],
    ['another format', () => Buffer.from('{"schema":"mtlsctl/ledger-revocations/v2"}\n')],
    ['nothing', () => Buffer.from('null\n')],
  ])('count for nothing with %s', async (_what, damage) => {
    const found = await read();
    writeFileSync(kept(), damage(readFileSync(kept())));
    expect(await read()).toEqual(found);
  });

  it('are not kept of a small ledger', async () => {
    writeFileSync(path(), '');
    await append(revoked('abcd'));
    await read();
    expect(existsSync(kept())).toBe(false);
  });
});

describe('a table in octets', () => {
  it.each([0, 1, 63, 64, 65, 500])('is the same again with %d revocations', size => {
    const table = new RevocationTable();
    for (let n = 0; n < size; n += 1)
      table.set({
        serial: (n + 1).toString(16),
        date: n,
        reason: n % 10,
        notAfter: 2 * n,
        invalidityDate: n % 3 === 0 ? n : undefined,
        seq: n,
      });
    table.delete('3');
    const again = RevocationTable.decode(table.encode());
    const all = (each: RevocationTable | undefined): unknown => [...(each?.listed(() => true).revocations() ?? [])];
    expect(again).toBeDefined();
    expect(all(again)).toEqual(all(table));
    again?.set({ serial: 'ffff', date: 1, reason: 1, notAfter: 1, invalidityDate: undefined, seq: 1 });
    expect([again?.has('ffff'), again?.has('1'), again?.has('3')]).toEqual([true, size > 0, false]);
  });

  it.each([0, 7, 8, 50])('is none with %d octets of another length', length => {
    const octets = Buffer.alloc(length, 1);
    expect(RevocationTable.decode(octets)).toBeUndefined();
  });
});
