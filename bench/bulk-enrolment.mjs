// A thousand services: keys, certificates, ledger and durable files, against the fastest loop that openssl offers (one process a leaf, nothing synced).
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { compare, run } from './measure.mjs';
import { makeAuthorities, mtlsctl } from './pki.mjs';

const count = 1000;

const opensslLoop = `
for name in $(seq -f 'svc-%g' ${count}); do
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -CA "$1" -CAkey "$2" -days 90 \\
    -subj "/CN=$name.link.internal" -addext "subjectAltName=DNS:$name.link.internal,DNS:$name,URI:spiffe://link.internal/service/$name" \\
    -keyout "$3/$name.key" -out "$3/$name.pem" 2>/dev/null || exit 1
done`;

export default {
  work: `enrol ${count} P-256 services`,
  peer: 'openssl req -x509 -CA, in a loop',
  goal: { timesAsFast: 3 },
  measure(directory) {
    const fleet = join(directory, 'fleet.yaml');
    const names = Array.from({ length: count }, (_, index) => `svc-${index + 1}`);
    writeFileSync(fleet, `services:\n${names.map(name => `  - ${name}\n`).join('')}`);
    const fresh = round => {
      const pki = join(directory, `pki${round}`);
      return { pki, authority: makeAuthorities(pki) };
    };
    const worlds = Array.from({ length: 3 }, (_, round) => fresh(round));
    const result = compare({
      rounds: worlds.length,
      warmUp: 0,
      ours: round => mtlsctl(['enroll', '--from', fleet, '--dir', worlds[round].pki, '--quiet']),
      peer: round => {
        const { authority } = worlds[round];
        const out = join(directory, `openssl${round}`);
        mkdirSync(out);
        run('bash', ['-c', opensslLoop, 'bash', authority.certificate, authority.key, out]);
      },
    });
    for (const { pki } of worlds) expectAll(mtlsctl(['verify-chain', '--all', '--json', '--dir', pki]));
    return result;
  },
};

/** A benchmark of wrong results would be worth nothing. */
function expectAll(json) {
  const valid = JSON.parse(json).results.filter(result => result.valid).length;
  if (valid !== count) throw new Error(`only ${valid} of ${count} services are valid`);
}
