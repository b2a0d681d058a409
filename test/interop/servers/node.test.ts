import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { lacksTool, requireTool } from '../requirements.ts';
import { get } from './exchange.ts';
import { fakeSystemctl, startServer } from './processes.ts';
import { describeServer, inBase } from './suite.ts';

/** A server as the module's header says to write one; it logs why it refuses. */
const program = `import https from 'node:https';
import { caller, reloadOnHangup, serverOptions } from './mtls.mjs';

const server = https.createServer(serverOptions(), (request, response) => {
  try {
    response.end(\`hello \${caller(request.socket)}\\n\`);
  } catch (error) {
    console.error(\`refused: \${error.message}\`);
    response.writeHead(403).end();
  }
});
server.on('tlsClientError', (error, socket) => console.error(\`refused: \${error.message} \${error.code} \${socket.authorizationError ?? ''}\`));
reloadOnHangup(server);
server.listen(Number(process.argv[2]), '127.0.0.1');
`;

describeServer({
  name: "Node's tls",
  tools: [],
  async start(world) {
    const { base, pki, port } = world;
    const printed = await pki.template('node', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`);
    writeFileSync(inBase(world, 'mtls.mjs'), printed.parts['module'] ?? '');
    writeFileSync(inBase(world, 'server.mjs'), program);
    const server = await startServer({
      command: process.execPath,
      args: ['server.mjs', String(port)],
      directory: base,
      port,
    });
    return {
      server,
      printed,
      path: fakeSystemctl(base, { 'reload user-svc': `kill -HUP ${server.process.pid ?? 0}` }),
    };
  },
  call: get,
  isServed: ({ text }) => text.startsWith('HTTP/1.1 200 ') && /hello [a-z-]+\.link\.internal\n/.test(text),
  reasons: {
    none: /refused: .*peer did not return a certificate/,
    stranger: /refused: .*(?:unable to|certificate verify failed|UNABLE_TO|SELF_SIGNED)/i,
    expired: /refused: .*(?:CERT_HAS_EXPIRED|certificate has expired)/,
    serverOnly: /refused: .*(?:INVALID_PURPOSE|uns\w+ certificate purpose)/,
    leftOut: /refused: intruder\.link\.internal may not call user-svc/,
    revoked: /refused: .*(?:CERT_REVOKED|certificate revoked)/,
  },
  more(world) {
    it('is reached with the printed client options', async () => {
      const { base, pki, port } = world();
      const { parts } = await pki.template('node', '--service', 'api-gateway', '--peer', 'user-svc');
      writeFileSync(inBase(world(), 'client.mjs'), parts['module'] ?? '');
      const script = `import https from 'node:https';
import { clientOptions } from './client.mjs';
https.get({ ...clientOptions(), host: '127.0.0.1', port: ${port}, servername: 'user-svc.link.internal', agent: false }, response => response.pipe(process.stdout));`;
      const args = ['--input-type=module', '-e', script];
      const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: base, encoding: 'utf8' });
      expect(stdout, stderr).toBe('hello api-gateway.link.internal\n');
    });

    it.skipIf(lacksTool('curl'))('is reached by curl with the printed configuration', async () => {
      const { base, pki, port } = world();
      const { parts } = await pki.template(
        'curl',
        '--service',
        'api-gateway',
        '--connect',
        `user-svc.link.internal:${port}`,
      );
      writeFileSync(inBase(world(), 'curlrc'), parts['config'] ?? '');
      const url = `https://user-svc.link.internal:${port}/`;
      const args = ['-sS', '--config', 'curlrc', '--resolve', `user-svc.link.internal:${port}:127.0.0.1`, url];
      const { stdout, stderr } = spawnSync(requireTool('curl'), args, { cwd: base, encoding: 'utf8' });
      expect(stdout, stderr).toBe('hello api-gateway.link.internal\n');
    });
  },
});
