import { fstatSync, writeSync } from 'node:fs';
import { once } from 'node:events';
import { systemErrorCode } from './errors.ts';
import type { Output } from './system.ts';

/**
 * Room for some hundred thousand short answers: a caller that first writes all its questions and then reads gets along with it,
 * and would wait for ever if questions were left unread as soon as an answer is.
 */
const highWater = 16 * 1024 * 1024;

/**
 * Standard output or standard error. Node takes milliseconds to make the stream of a pipe: it is made when something is written piece by piece, or
 * where there may be a terminal.
 */
export function standardOutput(descriptor: 1 | 2, open: () => NodeJS.WriteStream): Output {
  let opened: NodeJS.WriteStream | undefined;
  let problem: string | undefined;
  const fail = (error: unknown): void => {
    problem ??= systemErrorCode(error) ?? String(error);
  };
  const stream = (): NodeJS.WriteStream => (opened ??= open().on('error', fail));
  const mayBeTerminal = isCharacterDevice(descriptor);
  return {
    get isTerminal() {
      return mayBeTerminal && stream().isTTY;
    },
    get columns() {
      return mayBeTerminal && stream().isTTY ? stream().columns : 80;
    },
    get problem() {
      // Who reads no further (head) has what it wants: what is written for it goes nowhere, and the work goes on.
      return problem === 'EPIPE' ? undefined : problem;
    },
    write: text => {
      if (problem === undefined) stream().write(text);
    },
    end: text => {
      if (problem !== undefined) return;
      const rest = opened === undefined && !mayBeTerminal ? writeAtOnce(descriptor, text, fail) : text;
      if (rest.length > 0) stream().write(rest);
    },
    drained: async () => {
      if (problem === undefined && stream().writableLength > highWater) await once(stream(), 'drain');
    },
  };
}

function isCharacterDevice(descriptor: number): boolean {
  try {
    return fstatSync(descriptor).isCharacterDevice();
  } catch (error) {
    // Closed by whoever started us: Node opens /dev/null in its place.
    if (systemErrorCode(error) === 'EBADF') return false;
    throw error;
  }
}

/** Writes as much as is taken without waiting for a pipe that is not to be waited for; returns the rest, nothing after a failure. */
function writeAtOnce(descriptor: number, text: string, fail: (error: unknown) => void): Uint8Array {
  let rest = new TextEncoder().encode(text);
  try {
    while (rest.length > 0) rest = rest.subarray(writeSync(descriptor, rest));
    return rest;
  } catch (error) {
    if (systemErrorCode(error) === 'EAGAIN') return rest;
    fail(error);
    return new Uint8Array();
  }
}
