// A TLS server that takes its new files at SIGHUP: node server.mjs <directory of its service>. Prints its port, and each new certificate of a client.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';

const [, , directory] = process.argv;
const files = () => ({
  cert: readFileSync(join(directory, 'cert.pem')),
  key: readFileSync(join(directory, 'key.pem')),
  ca: readFileSync(join(directory, 'ca.pem')),
});
const clients = new Set();
const server = createServer({ ...files(), requestCert: true, rejectUnauthorized: true }, (request, response) => {
  const serial = request.socket.getPeerCertificate().serialNumber?.toLowerCase();
  if (!clients.has(serial)) console.log(`client ${serial}`);
  clients.add(serial);
  response.end('ok');
});
process.on('SIGHUP', () => server.setSecureContext(files()));
server.listen(0, '127.0.0.1', () => console.log(`port ${server.address().port}`));
