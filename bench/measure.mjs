// Measuring two programs beside each other: in turns, so that what else the machine does falls on both alike.
import { spawnSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** Both would measure the reading of trust stores that neither program is asked about. */
export const environment = { ...process.env, SSL_CERT_FILE: '/dev/null' };
delete environment.NODE_EXTRA_CA_CERTS;

/** Runs a program to its end; throws unless it ends well. Returns its standard output. */
export function run(program, args, options = {}) {
  const result = spawnSync(program, args, { env: environment, maxBuffer: 256 * 1024 * 1024, ...options });
  if (result.error) throw result.error;
  if (result.status !== 0) {
    throw new Error(`${program} ${args.join(' ')} ended with status ${result.status}:\n${String(result.stderr)}`);
  }
  return String(result.stdout);
}

/** Milliseconds that a function takes. */
export function time(action) {
  const begin = performance.now();
  action();
  return performance.now() - begin;
}

/** Runs both in turns after one unmeasured round each, and returns the medians in milliseconds. `round` is passed to both. */
export function compare({ rounds, warmUp = 1, ours, peer }) {
  const times = { ours: [], peer: [] };
  for (let round = -warmUp; round < rounds; round += 1) {
    const pair = { ours: time(() => ours(round)), peer: time(() => peer(round)) };
    if (round < 0) continue;
    times.ours.push(pair.ours);
    times.peer.push(pair.peer);
  }
  return { ours: median(times.ours), peer: median(times.peer) };
}

/** compare() several times, and what it gave at the quietest time: for what takes milliseconds, and is disturbed for seconds. */
export function compareAtBest(times, comparison) {
  const found = Array.from({ length: times }, () => compare(comparison));
  return found.reduce((best, each) => (each.ours + each.peer < best.ours + best.peer ? each : best));
}

export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
