// What mtlsctl does inside of its process, timed without Node's start: node crl-work.mjs build|look-up <PKI directory> [file…]. Prints milliseconds.
import { performance } from 'node:perf_hooks';
import { readConfig } from '../src/authority/configuration.ts';
import { rebuildCrls } from '../src/authority/rebuild-crls.ts';
import { verifyTargets } from '../src/verification/run.ts';

const [, , work = '', directory = '', leaf = '', untrusted = ''] = process.argv;
const now = Date.now();

/** All of `mtlsctl crl site`: ledger, signature, reading back, comparing with the last one, three files that are durable. */
async function build(): Promise<unknown> {
  const { rebuilt } = await rebuildCrls({
    ...{ directory, config: await readConfig(directory), authorities: ['site'], kind: { kind: 'complete' } },
    ...{ validity: undefined, acceptClock: false, now },
    passphrase: () => Promise.reject(new Error('the key is not encrypted')),
  });
  return rebuilt[0]?.status === 'published' && rebuilt[0].publications[0].crl.revokedCount;
}

/** All of `mtlsctl verify-chain --crl`: reading the PEM, checking every entry and the signature, looking the serial number up. */
async function lookUp(): Promise<unknown> {
  const { results } = await verifyTargets({
    ...{
      directory,
      targets: [leaf],
      all: false,
      untrusted,
      trust: `${directory}/ca.pem`,
      crls: [`${directory}/crl.pem`],
    },
    ...{ requireCrl: true, purpose: 'any', names: [], at: now, minRemaining: undefined, key: undefined },
    ...{ profile: 'rfc5280', strict: false, maxDepth: undefined },
  });
  const [result] = results;
  return result !== undefined && 'valid' in result && result.valid;
}

const begin = performance.now();
const outcome = await (work === 'build' ? build() : lookUp());
process.stdout.write(`${JSON.stringify({ milliseconds: performance.now() - begin, outcome })}\n`);
