// A look at a thousand services of which none is due: what a timer does every quarter of an hour. A fifth of a millisecond a service is what it may
// cost beside three bare starts of Node.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, run } from './measure.mjs';
import { makeAuthorities, mtlsctl } from './pki.mjs';

const count = 1000;

export default {
  work: `renew ${count} services, none due`,
  peer: 'node -e 0',
  goal: { atMost: 3, plus: 0.2 * count },
  measure(directory) {
    const pki = join(directory, 'pki');
    makeAuthorities(pki);
    const fleet = join(directory, 'fleet.yaml');
    const names = Array.from({ length: count }, (_, number) => `  - name: svc-${number}\n`);
    writeFileSync(fleet, `services:\n${names.join('')}`);
    mtlsctl(['enroll', '--from', fleet, '--dir', pki]);
    return compare({
      rounds: 15,
      warmUp: 2,
      ours: () => mtlsctl(['renew', '--dir', pki]),
      peer: () => run(process.execPath, ['-e', '0']),
    });
  },
};
