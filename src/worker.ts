import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { type EnrolmentThreadOrder, serveEnrolments } from './enrolment/threads.ts';
import { serveVerifications, type VerificationThreadOrder } from './verification/threads.ts';

/** A thread of `enroll --from` or `verify-chain`. */
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
  const order = workerData as EnrolmentThreadOrder | VerificationThreadOrder;
  if (order.kind === 'verification') serveVerifications(order, port);
  else serveEnrolments(order, port, { now: () => Date.now(), random: count => randomBytes(count) });
}
