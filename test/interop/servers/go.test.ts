import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { requireTool } from '../requirements.ts';
import { exchange } from './exchange.ts';
import { startServer } from './processes.ts';
import { describeServer, inBase, type World } from './suite.ts';

/** A server as the package's header says to write one; it logs why it refuses. With an address to call it is a client. */
const program = `package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"os"

	"test/mtls"
)

func main() {
	if len(os.Args) > 2 {
		config, err := mtls.ClientConfig()
		if err != nil {
			log.Fatal(err)
		}
		config.ServerName = "user-svc.link.internal"
		connection, err := tls.Dial("tcp", os.Args[1], config)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Fprintln(connection, "hi")
		line, _ := bufio.NewReader(connection).ReadString('\\n')
		fmt.Print(line)
		return
	}
	listener, err := tls.Listen("tcp", os.Args[1], mtls.ServerConfig())
	if err != nil {
		log.Fatal(err)
	}
	for {
		accepted, err := listener.Accept()
		if err != nil {
			log.Fatal(err)
		}
		go serve(accepted)
	}
}

func serve(accepted net.Conn) {
	defer accepted.Close()
	connection := accepted.(*tls.Conn)
	if err := connection.Handshake(); err != nil {
		log.Printf("refused: %v", err)
		return
	}
	bufio.NewReader(connection).ReadString('\\n')
	fmt.Fprintf(connection, "hello %s\\n", connection.ConnectionState().PeerCertificates[0].Subject.CommonName)
}
`;

describeServer({
  name: "Go's crypto/tls",
  tools: ['go'],
  async start(world) {
    const { base, pki, port } = world;
    const printed = await pki.template('go', '--service', 'user-svc', '--listen', `127.0.0.1:${port}`);
    const command = build(world, 'server', printed.parts['package'] ?? '');
    return { server: await startServer({ command, args: [`127.0.0.1:${port}`], directory: base, port }), printed };
  },
  call: call => exchange(call, 'hi\n'),
  isServed: ({ text }) => text.startsWith('hello '),
  reasons: {
    none: /refused: tls: client didn't provide a certificate/,
    stranger: /refused: .*certificate signed by unknown authority/,
    expired: /refused: .*certificate has expired or is not yet valid/,
    serverOnly: /refused: .*certificate specifies an incompatible key usage/,
    leftOut: /refused: intruder\.link\.internal may not call user-svc/,
    revoked: /refused: CN=search-svc\.link\.internal is revoked/,
  },
  more(world) {
    it('reaches the server with the printed client configuration', async () => {
      const { pki, port } = world();
      const { parts } = await pki.template('go', '--service', 'api-gateway', '--connect', `127.0.0.1:${port}`);
      const command = build(world(), 'client', parts['package'] ?? '');
      const { stdout, stderr } = spawnSync(command, [`127.0.0.1:${port}`, 'call'], { encoding: 'utf8' });
      expect(stdout, stderr).toBe('hello api-gateway.link.internal\n');
    });
  },
});

function build(world: World, name: string, text: string): string {
  const directory = inBase(world, name);
  mkdirSync(`${directory}/mtls`, { recursive: true });
  writeFileSync(`${directory}/go.mod`, 'module test\n\ngo 1.19\n');
  writeFileSync(`${directory}/main.go`, program);
  writeFileSync(`${directory}/mtls/mtls.go`, text);
  const env = {
    ...process.env,
    GOCACHE: inBase(world, 'go-cache'),
    GOPATH: inBase(world, 'go-path'),
    GOFLAGS: '-mod=mod',
    GOPROXY: 'off',
  };
  for (const args of [
    ['vet', './...'],
    ['build', '-o', 'program', '.'],
  ]) {
    const { status, stderr } = spawnSync(requireTool('go'), args, { cwd: directory, env, encoding: 'utf8' });
    expect(status, stderr).toBe(0);
  }
  return `${directory}/program`;
}
