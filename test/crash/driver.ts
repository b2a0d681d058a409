// What the crash tests run in processes of their own: node driver.mjs <work> <directory> <id> <count>
import { randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync, symlinkSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { loadAuthority, openAuthorityKey } from '../../src/authority/authority.ts';
import { Ledger } from '../../src/authority/ledger.ts';
import { rebuildCrls } from '../../src/authority/rebuild-crls.ts';
import { findTargets } from '../../src/authority/revocation-targets.ts';
import { changeRevocations } from '../../src/authority/revoke.ts';
import type { Config } from '../../src/config.ts';
import { installGeneration, readService } from '../../src/deployment/generation.ts';
import { faults } from '../../src/file-operations.ts';
import { withLock } from '../../src/lock.ts';

const [, , work = '', directory = '', id = '', countText = '0'] = process.argv;
const count = Number(countText);
const say = (line: string): void => void writeSync(1, `${line}\n`);

const day = 86_400_000;
/** Without reading a file. */
const config = { source: '', authorities: {}, crl: { validity: day, rootValidity: 180 * day } } as unknown as Config;

const works: Readonly<Record<string, () => Promise<void>>> = {
  /** Appends `count` events, each told of when it is durable. */
  async append() {
    const ledger = Ledger.open(join(directory, 'ledger.jsonl'), join(directory, 'lock'));
    for (let i = 0; i < count; i += 1) {
      const serial = randomBytes(16).toString('hex');
      await ledger.append([{ event: 'released', serial }], Date.now());
      say(`done ${serial}`);
    }
  },

  /** Signs one CRL after the other, each told of when it is published. */
  async rebuild() {
    const passphrase = (): Promise<Uint8Array> =>
      Promise.reject(new Error('no passphrase was expected to be asked for'));
    for (let i = 0; i < count; i += 1) {
      const { rebuilt } = await rebuildCrls({
        ...{ directory, config, authorities: ['site-a'], kind: { kind: 'complete' }, validity: undefined, passphrase },
        ...{ acceptClock: false, now: Date.now() },
      });
      const [only] = rebuilt;
      if (only?.status === 'published') say(`done ${only.publications[0].number}`);
    }
  },

  /** Revokes one service after the other, from number `id` on, each told of when relying parties can see it. */
  async revoke() {
    const authority = await loadAuthority(directory, 'site-a');
    const signer = await openAuthorityKey(authority, () => Promise.reject(new Error('no passphrase')));
    for (let i = 0; i < count; i += 1) {
      const target = { kind: 'service', service: `svc-${Number(id) + i}` } as const;
      const [targets] = await findTargets({ directory, target, authority: 'site-a', now: Date.now() });
      if (targets === undefined) return;
      const change = { kind: 'revoke', reason: 1, isGiven: true, invalidityDate: undefined } as const;
      const order = { directory, config, targets, change, signer, acceptClock: false, now: Date.now() };
      await changeRevocations(order);
      say(`done ${targets.certificates[0]?.issued.serial ?? ''}`);
    }
  },

  /** Takes the lock again and again, and tells if it ever meets somebody else inside. */
  async contend() {
    const inside = join(directory, 'inside');
    for (let i = 0; i < count; i += 1) {
      await withLock(join(directory, 'lock'), async () => {
        enterAlone(inside);
        await new Promise(setImmediate);
        unlinkSync(inside);
      });
      say('done');
    }
  },

  /** Takes the lock and keeps it. */
  async hold() {
    await withLock(join(directory, 'lock'), async () => {
      say('held');
      await new Promise(resolve => setTimeout(resolve, 2 ** 30));
    });
  },

  /** Installs one generation after the other, the three files of each with one mark. */
  async swap() {
    for (let i = 0; i < count; i += 1) {
      const mark = `${id}.${i}.${randomBytes(4).toString('hex')}`;
      await withLock(join(directory, 'lock'), () =>
        installGeneration(
          join(directory, 'service'),
          { cert: filled(mark), key: filled(mark), ca: filled(mark) },
          { now: Date.now(), random: randomBytes, overlap: 1000 },
        ),
      );
      say(`done ${mark}`);
    }
  },

  /** As swap, once, killed from within at operation number `count`. */
  async swapUntil() {
    let left = count;
    faults.before = () => {
      if (left === 0) process.kill(process.pid, 'SIGKILL');
      left -= 1;
    };
    await installGeneration(
      join(directory, 'service'),
      { cert: filled(id), key: filled(id), ca: filled(id) },
      { now: Date.now(), random: randomBytes },
    );
    say('survived');
  },

  /** Reads the service's files by their public paths until stdin ends, and tells what it should never see. */
  async read() {
    process.stdin.resume();
    let reads = 0;
    for (; !process.stdin.readableEnded; reads += 1) {
      readPair();
      const files = await readService(join(directory, 'service'));
      const marks = new Set([files?.cert, files?.key, files?.ca].map(bytes => Buffer.from(bytes ?? []).toString()));
      if (marks.size !== 1) say('bad: readService mixed two generations');
      if (reads === 0) say('reading');
      await new Promise(setImmediate);
    }
    say(`reads ${reads}`);
  },
};

/** Long enough for a file that is written in pieces to be seen so. */
function filled(mark: string): string {
  return `${mark}\n`.repeat(500);
}

/** As a service that knows nothing of generations: two opens, and again where a swap fell between them. */
function readPair(): void {
  const read = (part: 'cert' | 'key'): string => readFileSync(join(directory, 'service', `${part}.pem`), 'utf8');
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const [cert, key] = [read('cert'), read('key')];
    if (!isWhole(cert) || !isWhole(key)) say('bad: a partial file');
    if (cert === key) return;
  }
  say('bad: certificate and key do not match');
}

function isWhole(text: string): boolean {
  return text === filled(text.slice(0, text.indexOf('\n')));
}

/** Whoever was killed inside has left the link; whoever lives must not be there. */
function enterAlone(inside: string): void {
  try {
    symlinkSync(String(process.pid), inside);
  } catch {
    const other = Number(readlinkSync(inside));
    if (!isDead(other)) say(`bad: process ${other} is inside too`);
    unlinkSync(inside);
    enterAlone(inside);
  }
}

/** Gone, or a zombie that its parent has not got round to. */
function isDead(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return true;
  }
}

say('started');
await works[work]?.();
