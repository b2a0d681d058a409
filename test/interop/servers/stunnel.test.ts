import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { expect, it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { exchange } from './exchange.ts';
import { fakeSystemctl, freePort, startServer } from './processes.ts';
import { describeServer, inBase } from './suite.ts';

/** In the foreground, and with what it says of each connection. */
const surroundings = 'foreground = yes\ndebug = info\n';
const withoutPid = (text: string): string => text.replace(/^pid = .*$/m, 'pid =');

describeServer({
  name: 'stunnel',
  tools: ['stunnel4'],
  async start(world) {
    const { base, pki, port, upstream } = world;
    const printed = await pki.template(
      ...['stunnel', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`, '--upstream', `127.0.0.1:${upstream}`],
    );
    const configuration = inBase(world, 'stunnel.conf');
    writeFileSync(configuration, surroundings + withoutPid(printed.parts['server'] ?? ''));
    const behind = createServer(socket => {
      socket.on('error', () => undefined);
      socket.once('data', () => socket.end('hello\n'));
    });
    behind.listen(upstream, '127.0.0.1');
    await once(behind, 'listening');
    const pidFile = inBase(world, 'stunnel.pid');
    const path = fakeSystemctl(base, {
      'kill --kill-whom=main --signal=HUP stunnel@user-svc': `kill -HUP "$(cat ${pidFile})"`,
    });
    const server = await startServer({
      command: requireTool('stunnel4'),
      args: [configuration],
      directory: base,
      port,
    });
    writeFileSync(pidFile, String(server.process.pid));
    return {
      server,
      printed,
      path,
      stop: async () => {
        behind.close();
        await once(behind, 'close');
      },
    };
  },
  call: call => exchange(call, 'hi\n'),
  isServed: ({ text }) => text === 'hello\n',
  // It had closed its port, or took the connection and forgot it, before it showed its certificate.
  isTurnedAway: ({ serial, text }) => serial === '' && text === '',
  reasons: {
    none: /peer did not return a certificate/,
    stranger: /CERT: Pre-verification error: (?:unable to get|self)/,
    expired: /CERT: Pre-verification error: certificate has expired/,
    serverOnly: /CERT: Pre-verification error: uns\w+ certificate purpose/,
    leftOut: /CERT: Subject checks failed/,
    revoked: /CERT: Pre-verification error: certificate revoked/,
  },
  more(world) {
    it('reaches the server by the printed client, on a port without TLS', async () => {
      const { base, pki, port } = world();
      const local = await freePort();
      const { parts } = await pki.template(
        ...['stunnel', '--service', 'user-svc', '--peer', 'api-gateway'],
        ...['--upstream', `127.0.0.1:${local}`, '--connect', `127.0.0.1:${port}`],
      );
      const configuration = inBase(world(), 'client.conf');
      writeFileSync(configuration, surroundings + withoutPid(parts['client'] ?? ''));
      const command = requireTool('stunnel4');
      const client = await startServer({ command, args: [configuration], directory: base, port: local });
      const socket = connect(local, '127.0.0.1');
      let text = '';
      socket.on('data', data => (text += String(data)));
      socket.write('hi\n');
      await once(socket, 'close');
      await client.stop();
      expect(text, client.log()).toBe('hello\n');
    });
  },
});
