import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { expect, it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { type Answer, type Call, exchange } from './exchange.ts';
import { allowed, oddDirectory, setAllowed } from './pki.ts';
import { fakeSystemctl, startServer, until } from './processes.ts';
import { describeServer, inBase, mustAccept, runReload, type World } from './suite.ts';
import { serverUser } from './users.ts';

describeServer({
  name: 'NATS',
  tools: ['nats-server'],
  user: 'nats',
  async start(world) {
    const { base } = world;
    const user = serverUser('nats');
    const printed = await print(world);
    const pidFile = inBase(world, 'nats.pid');
    const path = fakeSystemctl(base, { 'reload nats-server': `kill -HUP "$(cat ${pidFile})"` });
    const args = ['-c', inBase(world, 'nats.conf')];
    const order = { command: requireTool('nats-server'), args, directory: base, port: world.port };
    const server = await startServer({ ...order, ...(user && { user }) });
    writeFileSync(pidFile, String(server.process.pid));
    return { server, printed, path };
  },
  call: ping,
  isServed: ({ text }) => text.includes('PONG\r\n'),
  reasons: {
    none: /TLS handshake error: tls: client didn't provide a certificate/,
    stranger: /TLS handshake error: .*certificate signed by unknown authority/,
    expired: /TLS handshake error: .*certificate has expired or is not yet valid/,
    serverOnly: /TLS handshake error: .*certificate specifies an incompatible key usage/,
    leftOut: /authentication error/,
  },
  check(world) {
    mustAccept(requireTool('nats-server'), ['-t', '-c', inBase(world, 'nats.conf')]);
  },
  more(world, started) {
    it('refuses, after the reload, a client that was taken out of the allow-list: what to do instead of a CRL', async () => {
      const { pki, port } = world();
      const call = (): Promise<Answer> => ping({ port, trust: pki.trust, identity: pki.callers.allowed });
      setAllowed(pki.directory, ['search-svc']);
      await print(world());
      runReload(started());
      await until(async () => !(await call()).text.includes('PONG'), 'the client to be refused');
      setAllowed(pki.directory, allowed);
      await print(world());
      runReload(started());
      await until(async () => (await call()).text.includes('PONG'), 'the client to be let in again');
    });

    it('is accepted for a directory that needs quotes, and lets nobody in where nobody is allowed', async () => {
      const { pki } = world();
      const directory = oddDirectory(pki, `it's "odd" #1; $x {é} \\ %n `);
      const file = inBase(world(), 'odd.conf');
      setAllowed(pki.directory, []);
      const { parts } = await pki.templateFor(directory, 'nats', '--service', 'user-svc');
      setAllowed(pki.directory, allowed);
      writeFileSync(file, parts['nats-server'] ?? '');
      const { status, stderr } = spawnSync(requireTool('nats-server'), ['-t', '-c', file], { encoding: 'utf8' });
      expect(status, stderr).toBe(0);
      expect(parts['nats-server']).toContain('nobody.invalid');
    });
  },
});

async function print(world: World): ReturnType<World['pki']['template']> {
  const printed = await world.pki.template('nats', '--service', 'user-svc', '--listen', `127.0.0.1:${world.port}`);
  writeFileSync(inBase(world, 'nats.conf'), printed.parts['nats-server'] ?? '');
  return printed;
}

/** The server says INFO in clear, then TLS begins. */
function ping(call: Call): Promise<Answer> {
  const upgrade: NonNullable<Call['upgrade']> = async socket => {
    await once(socket, 'data');
    socket.removeAllListeners('data');
  };
  const hello =
    'CONNECT {"verbose":false,"pedantic":false,"tls_required":true,"name":"test","lang":"test","version":"1"}\r\n';
  return exchange({ ...call, upgrade }, `${hello}PING\r\n`, text => text.includes('PONG\r\n') || text.includes('-ERR'));
}
