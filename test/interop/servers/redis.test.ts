import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { exchange } from './exchange.ts';
import { oddDirectory } from './pki.ts';
import { fakeSystemctl, startServer } from './processes.ts';
import { describeServer, inBase } from './suite.ts';
import { giveTo, serverUser } from './users.ts';

const socket = '/run/redis/redis-server.sock';

describeServer({
  name: 'Redis',
  tools: ['redis-server', 'redis-cli'],
  user: 'redis',
  async start(world) {
    const { base, pki, port } = world;
    const user = serverUser('redis');
    const printed = await pki.template('redis', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`);
    const own = inBase(world, 'redis');
    mkdirSync(own);
    giveTo(user, own);
    const configuration = inBase(world, 'redis.conf');
    writeFileSync(configuration, `save ""\n${printed.parts['redis'] ?? ''}`.replaceAll(socket, `${own}/redis.sock`));
    const path = fakeSystemctl(base, {});
    const program = (name: string, text: string): void => {
      writeFileSync(inBase(world, `bin/${name}`), `#!/bin/sh\n${text}\n`);
      chmodSync(inBase(world, `bin/${name}`), 0o755);
    };
    // The socket of the test instead of Debian's.
    program(
      'redis-cli',
      `[ "$1 $2 $3" = "-e -s ${socket}" ] && shift 3\nexec ${requireTool('redis-cli')} -e -s ${own}/redis.sock "$@"`,
    );
    const order = { command: requireTool('redis-server'), args: [configuration], directory: own, port };
    return { server: await startServer({ ...order, ...(user && { user }) }), printed, path };
  },
  call: call => exchange(call, 'PING\r\n', text => text.includes('\n')),
  isServed: ({ text }) => text === '+PONG\r\n',
  reasons: {
    none: /peer did not return a certificate/,
    stranger: /certificate verify failed/,
    expired: /certificate verify failed/,
    serverOnly: /certificate verify failed/,
  },
  more(world, started) {
    it('lets redis-cli in with the printed command', () => {
      const { pki, port } = world();
      const command = (started().printed.parts['client'] ?? '').replace(/ -h \S+/, ' -h 127.0.0.1').trimEnd();
      expect(command).toContain(` -p ${port} --sni user-svc.link.internal `);
      expect(command).toContain(`${pki.directory}/api-gateway/cert.pem`);
      const { status, stdout, stderr } = spawnSync('sh', ['-c', `${command} PING`], { encoding: 'utf8' });
      expect(stdout, stderr).toBe('PONG\n');
      expect(status).toBe(0);
    });

    it('reads paths that need quotes as they are meant', async () => {
      const { pki } = world();
      const directory = oddDirectory(pki, `it's "odd" #1; $x {é} \\ %n `);
      const { parts } = await pki.templateFor(directory, 'redis', '--service', 'user-svc');
      const file = inBase(world(), 'odd.conf');
      writeFileSync(file, `${(parts['redis'] ?? '').replace(/^(?:bind|unixsocket).*$/gm, '')}\ndir /nonexistent\n`);
      // The directory is looked for after the lines above it have been read; the path of the key is not wrong.
      const { stderr } = spawnSync(requireTool('redis-server'), [file, '--tls-port', '0'], { encoding: 'utf8' });
      expect(stderr).toContain("'dir /nonexistent'");
    });
  },
});
