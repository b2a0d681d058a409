import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { Thread, Threads } from './system.ts';

/** Threads of Node. What they are started with is all they have: no environment, no arguments, no standard input. */
export function nodeThreads(file: string): Threads {
  return { available: availableParallelism(), start: data => startThread(file, data) };
}

function startThread(file: string, data: unknown): Thread {
  const worker = new Worker(file, { workerData: data, env: {}, argv: [] });
  return {
    post: message => {
      worker.postMessage(message);
    },
    listen: ({ message, error, exit }) => {
      worker.on('message', message).on('error', error).on('exit', exit);
    },
  };
}
