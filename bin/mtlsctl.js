#!/usr/bin/env node
import { run } from '../dist/run.js';

await run(new URL('../dist/thread.js', import.meta.url));
