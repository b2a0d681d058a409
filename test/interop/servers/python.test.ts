import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { exchange } from './exchange.ts';
import { startServer } from './processes.ts';
import { describeServer, inBase } from './suite.ts';

/** A server as the module's header says to write one; it logs why it refuses. */
const program = `import socket, sys, threading
import mtls

def serve(accepted):
    try:
        with context.wrap_socket(accepted, server_side=True) as connection:
            name = mtls.caller(connection)
            connection.recv(100)
            connection.sendall(("hello %s\\n" % name).encode())
    except (OSError, PermissionError) as error:
        print("refused: %s" % error, file=sys.stderr, flush=True)

context = mtls.server_context()
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=100)
while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
`;

describeServer({
  name: 'Python ssl',
  tools: ['python3'],
  async start(world) {
    const { base, pki, port } = world;
    const printed = await pki.template('python', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`);
    writeFileSync(inBase(world, 'mtls.py'), printed.parts['module'] ?? '');
    writeFileSync(inBase(world, 'server.py'), program);
    const args = ['server.py', String(port)];
    return { server: await startServer({ command: requireTool('python3'), args, directory: base, port }), printed };
  },
  call: call => exchange(call, 'hi\n', text => text.includes('\n')),
  isServed: ({ text }) => text.startsWith('hello '),
  reasons: {
    none: /refused: .*peer did not return a certificate/,
    stranger: /refused: .*certificate verify failed: (?:unable to get|self)/,
    expired: /refused: .*certificate verify failed: certificate has expired/,
    serverOnly: /refused: .*certificate verify failed: uns\w+ certificate purpose/,
    leftOut: /refused: intruder\.link\.internal may not call user-svc/,
    revoked: /refused: .*certificate verify failed: certificate revoked/,
  },
  more(world) {
    it('reaches the server with the printed client context', async () => {
      const { base, pki, port } = world();
      const { parts } = await pki.template('python', '--service', 'api-gateway', '--connect', `127.0.0.1:${port}`);
      writeFileSync(inBase(world(), 'client.py'), parts['module'] ?? '');
      const script = `import client, socket
with client.client_context().wrap_socket(socket.create_connection(("127.0.0.1", ${port})), server_hostname="user-svc.link.internal") as s:
    s.sendall(b"hi\\n")
    print(s.recv(100).decode(), end="")
`;
      const { stdout, stderr } = spawnSync(requireTool('python3'), ['-c', script], { cwd: base, encoding: 'utf8' });
      expect(stdout, stderr).toBe('hello api-gateway.link.internal\n');
    });
  },
});
