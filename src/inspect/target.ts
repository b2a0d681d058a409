import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { maximumSize } from '../der/reader.ts';
import { MtlsctlError, systemErrorCode } from '../errors.ts';
import { readGiven } from '../files.ts';
import { type HostPort, parseHostPort } from '../peer/host-port.ts';
import type { System } from '../system.ts';
import type { Facts } from '../x509/describe.ts';
import { inspectCertificates, inspectContents, type Item, type View, standardInput } from './contents.ts';

export interface TargetView extends View {
  /** The name to ask a server for, instead of its host's. */
  readonly servername: string | undefined;
}

/** What a target is, and what was found in it. */
export interface Found {
  readonly kind: 'file' | 'directory' | 'PKI directory' | 'server';
  readonly items: readonly Item[];
  /** What holds for the whole target: of a server, how it answered. */
  readonly facts?: Facts;
  /** What was left out, for a person. */
  readonly notes?: readonly string[];
}

/**
 * Looks at a file, `-` for stdin, a directory or `host:port`; what exists as a file is a file.
 * Throws `not-found`, `unreadable`, `too-large`, `malformed`, `connection-failed`.
 */
export async function inspectTarget(target: string, system: System, view: TargetView): Promise<Found> {
  if (target === '-') return found(await inspectContents(await system.readStdin(maximumSize), standardInput, view));
  const path = resolve(system.workingDirectory, target);
  const kind = kindOfPath(path);
  if (kind === 'directory') return (await import('./directory.ts')).inspectDirectory(path, target, view);
  const address = kind === undefined ? parseHostPort(target) : undefined;
  if (address !== undefined) return inspectServer(address, target, view);
  if (kind === undefined) throw notFound(target);
  return found(await inspectContents(await readGiven(path, maximumSize), target, view));
}

function found(items: readonly Item[]): Found {
  return { kind: 'file', items };
}

/** Undefined where there is nothing; what may not be looked at is left to the reader of the file to complain of. */
function kindOfPath(path: string): 'directory' | 'file' | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    if (stat === undefined) return undefined;
    return stat.isDirectory() ? 'directory' : 'file';
  } catch (error) {
    // A name that is too long, or that has a NUL, is no file's.
    if (['ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE'].includes(systemErrorCode(error) ?? '')) return undefined;
    if (systemErrorCode(error) === undefined) throw error;
    return 'file';
  }
}

function notFound(target: string): MtlsctlError {
  return new MtlsctlError('not-found', `there is no file ${target}, and it is no host:port`, {
    hints: ["run 'mtlsctl inspect --help' for what a target can be"],
    details: { target },
  });
}

async function inspectServer(address: HostPort, target: string, view: TargetView): Promise<Found> {
  const { readPeer } = await import('../peer/peer.ts');
  const { certificates, ...facts } = await readPeer(address, { servername: view.servername });
  return { kind: 'server', items: await inspectCertificates(certificates, target, view), facts };
}
