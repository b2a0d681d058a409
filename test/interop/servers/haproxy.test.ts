import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { get } from './exchange.ts';
import { oddDirectory } from './pki.ts';
import { fakeSystemctl, startServer } from './processes.ts';
import { describeServer, inBase, mustAccept } from './suite.ts';

const surroundings = 'global\n    log stdout format raw local0 info\ndefaults\n    log global\n';

describeServer({
  name: 'HAProxy',
  tools: ['haproxy'],
  async start(world) {
    const { base, pki, port, upstream } = world;
    const printed = await pki.template(
      ...['haproxy', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`, '--upstream', `127.0.0.1:${upstream}`],
    );
    const configuration = inBase(world, 'haproxy.cfg');
    writeFileSync(configuration, surroundings + (printed.parts['frontend'] ?? ''));
    await pki.mtlsctl('enroll', 'user-svc', '--output', 'combined');
    const behind = await startUpstream(upstream);
    const pidFile = inBase(world, 'haproxy.pid');
    // As ExecReload= of Debian's unit does.
    const path = fakeSystemctl(base, { 'reload haproxy': `kill -USR2 "$(cat ${pidFile})"` });
    const args = ['-W', '-f', configuration];
    const server = await startServer({ command: requireTool('haproxy'), args, directory: base, port });
    writeFileSync(pidFile, String(server.process.pid));
    return {
      server,
      printed,
      path,
      stop: async () => {
        behind.closeAllConnections();
        behind.close();
        await once(behind, 'close');
      },
    };
  },
  call: get,
  replacesWorkers: true,
  isServed: ({ text }) => text.startsWith('HTTP/1.1 200 ') && /[a-z-]+\.link\.internal hello/.test(text),
  reasons: {
    none: /handshake failed: certificate 0, issuers 0, .*peer did not return a certificate/,
    stranger: /handshake failed: certificate 0, issuers (?:2|3|18|19|20|21),/,
    expired: /handshake failed: certificate 10,/,
    serverOnly: /handshake failed: certificate 26,/,
    leftOut: /client intruder\.link\.internal status 403/,
    revoked: /handshake failed: certificate 23,/,
  },
  check(world) {
    mustAccept(requireTool('haproxy'), ['-c', '-f', inBase(world, 'haproxy.cfg')]);
  },
  more(world) {
    it('is accepted for a directory that needs quotes, and with nobody allowed', async () => {
      const { pki } = world();
      const directory = oddDirectory(pki, `it's "odd" #1; $x {é} \\ %n `);
      const { parts } = await pki.templateFor(directory, 'haproxy', '--service', 'user-svc');
      const other = inBase(world(), 'odd.cfg');
      writeFileSync(other, surroundings + (parts['frontend'] ?? ''));
      mustAccept(requireTool('haproxy'), ['-c', '-f', other]);
    });
  },
});

async function startUpstream(port: number): Promise<Server> {
  const server = createServer((request, response) => {
    response.end(`${String(request.headers['x-client-name'])} hello`);
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
