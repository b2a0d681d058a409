import { randomBytes } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { serveEnrolments, type ThreadOrder } from './enrolment/threads.ts';

/** A thread of `enroll --from`. */
export function runWorker(): void {
  const port = parentPort;
  if (port === null) throw new Error('this file is started as a thread only');
  serveEnrolments(
    workerData as ThreadOrder,
    {
      post: message => {
        port.postMessage(message);
      },
      listen: receive => {
        port.on('message', receive);
      },
      close: () => {
        port.close();
      },
    },
    { now: () => Date.now(), random: count => randomBytes(count) },
  );
}
