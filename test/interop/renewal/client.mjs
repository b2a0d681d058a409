// Constant load with a client certificate that is read anew at SIGHUP: node client.mjs <directory of its service> <name:port>…
// Prints each new certificate of a server, each failure, and at SIGTERM how many requests there were.
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';

const [, , directory, ...targets] = process.argv;
const read = () => ({
  cert: readFileSync(join(directory, 'cert.pem')),
  key: readFileSync(join(directory, 'key.pem')),
  ca: readFileSync(join(directory, 'ca.pem')),
});
let files = read();
process.on('SIGHUP', () => (files = read()));
let isOver = false;
process.on('SIGTERM', () => (isOver = true));

const seen = new Set();
let [answered, failed] = [0, 0];

/** Each request has a connection, and so a handshake, of its own. */
function ask(name, port) {
  return new Promise(resolve => {
    const fail = error => {
      failed += 1;
      console.log(`failed ${name}: ${error.message}`);
      resolve();
    };
    const options = { ...files, host: '127.0.0.1', port, servername: `${name}.link.internal`, agent: false };
    const sent = request(options, response => {
      const serial = response.socket.getPeerCertificate().serialNumber.toLowerCase();
      response.on('error', fail);
      response.on('data', () => undefined);
      response.on('end', () => {
        if (response.statusCode !== 200) return fail(new Error(`status ${response.statusCode}`));
        answered += 1;
        if (!seen.has(serial)) console.log(`server ${name} ${serial}`);
        seen.add(serial);
        resolve();
      });
    });
    sent.on('error', fail);
    sent.end();
  });
}

async function load(name, port) {
  while (!isOver) await ask(name, port);
}

const loads = targets.flatMap(target => {
  const [name, port] = target.split(':');
  return [load(name, Number(port)), load(name, Number(port))];
});
await Promise.all(loads);
console.log(`answered ${answered}, failed ${failed}`);
