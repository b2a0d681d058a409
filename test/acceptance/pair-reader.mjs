// Reads the public files of a service as somebody who knows nothing of generations, in a tight loop until its standard input ends; prints `reading`
// after the first time, what it should never see, and at the end how often it has read.
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

const [, , directory] = process.argv;
const read = name => readFileSync(join(directory, name), 'utf8');
const whole = /^(?:-----BEGIN ([A-Z ]+)-----\n(?:[A-Za-z0-9+/=]+\n)+-----END \1-----\n)+$/;

function problem() {
  const [cert, key, ca] = [read('cert.pem'), read('key.pem'), read('ca.pem')];
  for (const [name, text] of Object.entries({ cert, key, ca })) if (!whole.test(text)) return `a partial ${name}.pem`;
  const chain = cert.split(/(?=-----BEGIN)/).map(pem => new X509Certificate(pem));
  if (chain.length !== 2 || !chain[0].checkIssued(chain[1])) return 'an incomplete chain';
  if (!chain[1].checkIssued(new X509Certificate(ca))) return 'another ca.pem';
  return chain[0].checkPrivateKey(createPrivateKey(key)) ? undefined : 'an unmatched pair';
}

process.stdin.resume();
let [reads, again] = [0, 0];
for (; !process.stdin.readableEnded; reads += 1) {
  let found = problem();
  // A swap fell between the two opens.
  if (found === 'an unmatched pair') {
    again += 1;
    found = problem();
  }
  if (found !== undefined) console.log(`bad: ${found}`);
  if (reads === 0) console.log('reading');
  await setImmediate();
}
console.log(`reads ${reads}, ${again} of them twice`);
