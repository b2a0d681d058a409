import { isMainThread } from 'node:worker_threads';
import { run } from './run.ts';
import { runWorker } from './worker.ts';

/** CommonJS, as the single file is. */
declare const __filename: string;

if (isMainThread) void run(__filename);
else runWorker();
