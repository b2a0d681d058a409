import { randomBytes } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { parentPort, workerData } from 'node:worker_threads';
import { type AuditThreadOrder, serveAudit } from './audit/threads.ts';
import { type EnrolmentThreadOrder, serveEnrolments } from './enrolment/threads.ts';
import { serveVerifications, type VerificationThreadOrder } from './verification/threads.ts';

/** A thread of `audit`, `enroll --from` or `verify-chain`. */
export function runWorker(): void {
  const node = parentPort;
  if (node === null) throw new Error('this file is started as a thread only');
  const port = {
    post: (message: unknown) => {
      node.postMessage(message);
    },
    listen: (receive: (message: unknown) => void) => {
      node.on('message', receive);
    },
    close: () => {
      node.close();
    },
  };
  const order = workerData as AuditThreadOrder | EnrolmentThreadOrder | VerificationThreadOrder;
  if (order.kind === 'audit') serveAudit(order, port);
  else if (order.kind === 'verification') serveVerifications(order, port);
  else {
    compileLess();
    serveEnrolments(order, port, { now: () => Date.now(), random: count => randomBytes(count) });
  }
}

/**
 * V8 11, that of Node 20, compiles with all its optimizations what has executed 132 kB of bytecode. An enrolment is much code that runs a few hundred
 * times: compiling took a quarter of the processors' time (1,000 services, Node 20.20: 3.0 s of CPU time; so 2.4 s). Later ones wait longer of
 * themselves, and don't know the flag. It holds for the whole process.
 */
function compileLess(): void {
  if (process.versions.v8.startsWith('11.')) setFlagsFromString('--interrupt-budget=20000000');
}
