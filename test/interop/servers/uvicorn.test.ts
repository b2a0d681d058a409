import { readFileSync, writeFileSync } from 'node:fs';
import { requireTool } from '../requirements.ts';
import { get } from './exchange.ts';
import { startServer } from './processes.ts';
import { describeServer, inBase } from './suite.ts';

/** What the module's header says for uvicorn, as it stands there, around an application that says hello. Debugging asyncio logs why it refuses. */
const program = (printed: string): string => `import logging
import mtls, uvicorn

logging.basicConfig(level=logging.DEBUG)

async def app(scope, receive, send):
    if scope["type"] != "http":
        return
    headers = [(b"content-length", b"6"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"hello\\n"})

${printed}
`;

describeServer({
  name: 'uvicorn',
  tools: ['uvicorn'],
  async start(world) {
    const { base, pki, port } = world;
    const printed = await pki.template('python', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`);
    const module = printed.parts['module'] ?? '';
    writeFileSync(inBase(world, 'mtls.py'), module);
    const lines = module.split('\n').flatMap(line => /^# {3}((?:config|uvicorn)\b.*)$/.exec(line)?.[1] ?? []);
    writeFileSync(inBase(world, 'server.py'), program(lines.join('\n')));
    // The Python that has it.
    const [, command = ''] = /^#!(\S+)/.exec(readFileSync(requireTool('uvicorn'), 'utf8')) ?? [];
    const server = await startServer({ command, args: ['-X', 'dev', 'server.py'], directory: base, port });
    return { server, printed };
  },
  call: get,
  isServed: ({ text }) => text.startsWith('HTTP/1.1 200 ') && text.endsWith('hello\n'),
  reasons: {
    none: /peer did not return a certificate/,
    stranger: /certificate verify failed: (?:unable to get|self)/,
    expired: /certificate verify failed: certificate has expired/,
    serverOnly: /certificate verify failed: uns\w+ certificate purpose/,
    // It does not tell the application who calls, as the text says.
    revoked: /certificate verify failed: certificate revoked/,
  },
});
