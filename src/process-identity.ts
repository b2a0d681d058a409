import { hash, randomBytes } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { systemErrorCode } from './errors.ts';

/**
 * Who made a file, written into the file's name. No two processes ever have the same one: a process number comes back after a while,
 * but not with the same start time on the same boot of the same machine.
 */
export interface ProcessIdentity {
  readonly pid: number;
  /** In clock ticks since the boot (proc(5), field 22 of `stat`); '0' where there is no /proc. */
  readonly started: string;
  readonly machine: string;
  readonly boot: string;
  /** The PID namespace: process numbers of another container mean nothing here. */
  readonly namespace: string;
  readonly random: string;
  /** For people only. */
  readonly host: string;
}

/** 'unknown' where the process is of another machine or container, and so can't be asked after from here. */
export type Liveness = 'alive' | 'dead' | 'unknown';

/** node:os takes a while to load, and only what writes files needs it. */
function hostname(): string {
  return process.getBuiltinModule('node:os').hostname();
}

let own: ProcessIdentity | undefined;

export function ownIdentity(): ProcessIdentity {
  own ??= {
    pid: process.pid,
    started: ownStartTime(),
    machine: shortHash(`${hostname()} ${readOr('/etc/machine-id')}`),
    boot: shortHash(readOr('/proc/sys/kernel/random/boot_id')),
    namespace: shortHash(pidNamespace()),
    random: randomBytes(4).toString('hex'),
    host:
      hostname()
        .replace(/[^A-Za-z0-9_-]/g, '_')
        .slice(0, 40) || 'localhost',
  };
  return own;
}

/** A form for file names: letters, digits, `_` and `-`, at most 120 characters. */
export function formatIdentity(identity: ProcessIdentity): string {
  const { pid, started, machine, boot, namespace, random, host } = identity;
  return [pid, started, machine, boot, namespace, random, host].join('-');
}

const identityPattern = /^(\d{1,10})-(\d{1,20})-([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})-([0-9a-f]{8})-([\w-]{1,40})$/;

/** Reads what formatIdentity() wrote; undefined for anything else. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  const match = identityPattern.exec(text);
  if (match === null) return undefined;
  const [, pid = '', started = '', machine = '', boot = '', namespace = '', random = '', host = ''] = match;
  return { pid: Number(pid), started, machine, boot, namespace, random, host };
}

/** Whether the process still runs, or can still have a system call under way. Never 'dead' unless that is certain. */
export function livenessOf(identity: ProcessIdentity): Liveness {
  const self = ownIdentity();
  if (identity.machine !== self.machine) return 'unknown';
  if (identity.boot !== self.boot) return 'dead';
  if (identity.namespace !== self.namespace) return 'unknown';
  if (!processExists(identity.pid)) return 'dead';
  const stat = readStat(String(identity.pid));
  // No entry although the process exists: /proc hides other users' processes (hidepid), or there is no /proc.
  if (stat === undefined || identity.started === '0' || self.started === '0') return 'alive';
  return stat.finished || stat.started !== identity.started ? 'dead' : 'alive';
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== 'ESRCH';
  }
}

interface Stat {
  readonly pid: number;
  readonly started: string;
  readonly finished: boolean;
}

/** The fields of proc(5) `stat`; those after the command's name, which may itself hold spaces and parentheses. */
function readStat(pid: string): Stat | undefined {
  const text = readOr(`/proc/${pid}/stat`);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [state, threads, started] = [fields[0], fields[17], fields[19]];
  if (state === undefined || threads === undefined || started === undefined) return undefined;
  // A zombie with other threads is still in the middle of dying: a write of one of them may yet reach the disk.
  const finished = (state === 'Z' || state === 'X') && Number(threads) <= 1;
  return { pid: Number.parseInt(text, 10), started, finished };
}

/** '0' also where /proc shows another PID namespace than the one this process lives in. */
function ownStartTime(): string {
  const stat = readStat('self');
  return stat?.pid === process.pid ? stat.started : '0';
}

function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

function shortHash(text: string): string {
  return hash('sha256', text, 'hex').slice(0, 8);
}
