// Looking at one certificate costs little more than starting Node.
import { join } from 'node:path';
import { compareAtBest, run } from './measure.mjs';
import { makeAuthorities, mtlsctl } from './pki.mjs';

export default {
  work: 'inspect one certificate',
  peer: 'node -e 0',
  goal: { atMost: 1.6 },
  measure(directory) {
    const pki = join(directory, 'pki');
    makeAuthorities(pki);
    mtlsctl(['enroll', 'user-svc', '--dir', pki]);
    const certificate = join(pki, 'user-svc', 'cert.pem');
    return compareAtBest(5, {
      rounds: 15,
      warmUp: 3,
      ours: () => mtlsctl(['inspect', certificate]),
      peer: () => run(process.execPath, ['-e', '0']),
    });
  },
};
