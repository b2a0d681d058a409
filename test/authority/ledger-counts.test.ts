import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { authorityPaths } from '../../src/authority/authority.ts';
import { Ledger } from '../../src/authority/ledger.ts';
import { countEvents } from '../../src/authority/ledger-counts.ts';
import type { LedgerEvent } from '../../src/authority/ledger-format.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const paths = (): ReturnType<typeof authorityPaths> => authorityPaths(directory());
const kept = (): string => join(directory(), 'ledger.counts.json');

const issued = (serial: string): LedgerEvent => ({
  event: 'issued',
  serial,
  subject: `CN=${serial}`,
  names: [],
  profile: 'service',
  notBefore: '2026-11-22T14:04:01Z',
  notAfter: '2027-02-20T14:05:01Z',
  certificate: 'AAAA'.repeat(400),
});

const revoked = (serial: string): LedgerEvent => ({
  event: 'revoked',
  serial,
  reason: 4,
  date: '2026-11-22T14:05:01Z',
  notAfter: '2027-02-20T14:05:01Z',
});

async function append(...events: readonly LedgerEvent[]): Promise<void> {
  await Ledger.open(paths().ledger, join(directory(), 'lock')).append(events, Date.UTC(2026, 10, 22, 14, 5, 1));
}

const many = (count: number, from = 0): readonly LedgerEvent[] =>
  Array.from({ length: count }, (_, index) => issued((from + index + 16).toString(16)));

describe('countEvents', () => {
  it('counts each event, and leaves a small ledger without a file beside it', async () => {
    await append(issued('0a'), issued('0b'), revoked('0a'), { event: 'released', serial: '0a' });
    expect(await countEvents(paths())).toEqual({ issued: 2, revoked: 1, released: 1 });
    expect(existsSync(kept())).toBe(false);
  });

  it('goes on from what it counted of a large one', async () => {
    await append(...many(800));
    expect(await countEvents(paths())).toEqual({ issued: 800 });
    expect(statSync(kept()).mode & 0o777).toBe(0o600);
    await append(revoked('10'));
    // What was counted is not read again: its lines may be anything.
    const bytes = readFileSync(paths().ledger);
    writeFileSync(paths().ledger, bytes.fill('x', 0, 100));
    expect(await countEvents(paths())).toEqual({ issued: 800, revoked: 1 });
  });

  it('counts anew where the ledger is another one', async () => {
    await append(...many(800));
    await countEvents(paths());
    writeFileSync(paths().ledger, '');
    await append(...many(900, 5));
    expect(await countEvents(paths())).toEqual({ issued: 900 });
    writeFileSync(paths().ledger, '');
    await append(...many(2));
    expect(await countEvents(paths())).toEqual({ issued: 2 });
  });

  it.each(['', 'null', '{"schema":"mtlsctl/ledger-counts/v1","lines":-1}', '{}'])(
    'counts anew where what it kept is %j',
    async text => {
      await append(...many(3));
      writeFileSync(kept(), text);
      expect(await countEvents(paths())).toEqual({ issued: 3 });
    },
  );

  it('leaves out a last line that a crash tore', async () => {
    await append(...many(2));
    writeFileSync(paths().ledger, readFileSync(paths().ledger).subarray(0, -10));
    expect(await countEvents(paths())).toEqual({ issued: 1 });
  });

  it('says which line is none', async () => {
    await append(...many(3));
    writeFileSync(paths().ledger, readFileSync(paths().ledger, 'utf8').replace('{"seq":2', '{"seq":7'));
    await expect(countEvents(paths())).rejects.toMatchObject({ code: 'ledger-corrupt' });
  });
});
