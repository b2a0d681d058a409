import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodePem } from '../../src/x509/pem.ts';
import type { Case } from './plan.ts';

export interface OpensslError {
  /** X509_V_ERR_… of openssl/x509_vfy.h. */
  readonly code: number;
  readonly depth: number;
  readonly text: string;
}

export interface OpensslAnswer {
  readonly accepted: boolean;
  readonly errors: readonly OpensslError[];
  /** All that it printed. */
  readonly output: string;
}

/** What `openssl verify` says about each case, in their order. One process a case, started by shells that share the work. */
export async function opensslVerify(program: string, cases: readonly Case[]): Promise<readonly OpensslAnswer[]> {
  const directory = mkdtempSync(join(tmpdir(), 'mtlsctl-fuzz-'));
  try {
    const commands = cases.map((item, index) => command(program, directory, item, index));
    const shells = Math.max(1, availableParallelism());
    const outputs = await Promise.all(
      Array.from({ length: shells }, (_, shell) =>
        run(commands.filter((_command, index) => index % shells === shell).join('\n'), directory),
      ),
    );
    const answers = new Map(outputs.flatMap(readAnswers));
    return cases.map((_item, index) => {
      const answer = answers.get(index);
      if (answer === undefined) throw new Error(`openssl gave no answer for case ${index}`);
      return answer;
    });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const separator = '== case ';

/** The command line of a case whose files stand in the directory of its number. */
function command(program: string, directory: string, item: Case, index: number): string {
  const files = join(directory, String(index));
  mkdirSync(files);
  const write = (name: string, label: string, items: readonly { readonly der: Uint8Array }[]): void => {
    writeFileSync(join(files, name), items.map(({ der }) => encodePem(label, der)).join(''));
  };
  write('trust', 'CERTIFICATE', item.anchors);
  write('untrusted', 'CERTIFICATE', item.intermediates);
  write('crls', 'X509 CRL', item.crls);
  write('leaf', 'CERTIFICATE', [item.leaf]);
  const words = [program, 'verify', ...opensslOptions(item, name => `${index}/${name}`), `${index}/leaf`];
  return `echo '${separator}${index}'; ${words.map(quoted).join(' ')} 2>&1`;
}

const quoted = (word: string): string => `'${word.replaceAll("'", String.raw`'\''`)}'`;

/** The options that ask OpenSSL for what mtlsctl does: RFC 5280 with partial chains, policies, and 112 bits of strength. */
export function opensslOptions(item: Case, path: (name: string) => string): readonly string[] {
  const { at, purpose, strict, name, policies } = item.request;
  return [
    ...['-no-CApath', '-no-CAstore', '-CAfile', path('trust'), '-partial_chain', '-policy_check', '-auth_level', '2'],
    ...(item.intermediates.length > 0 ? ['-untrusted', path('untrusted')] : []),
    ...['-attime', String(at / 1000), '-purpose', { server: 'sslserver', client: 'sslclient', any: 'any' }[purpose]],
    ...(strict ? ['-x509_strict'] : []),
    ...(name === undefined ? [] : [`-verify_${name.kind === 'dns' ? 'hostname' : name.kind}`, name.value]),
    ...(item.checksRevocation ? ['-crl_check', '-crl_check_all', '-extended_crl', '-use_deltas'] : []),
    ...(item.checksRevocation && item.crls.length > 0 ? ['-CRLfile', path('crls')] : []),
    ...(policies?.requireExplicitPolicy === true ? ['-explicit_policy'] : []),
    ...(policies?.inhibitPolicyMapping === true ? ['-inhibit_map'] : []),
    ...(policies?.inhibitAnyPolicy === true ? ['-inhibit_any'] : []),
    ...(policies?.initialPolicySet ?? []).flatMap(oid => ['-policy', oid]),
  ];
}

function run(script: string, cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    // Without this it reads the certificates of the system for every chain, which takes longer than all the rest.
    const shell = spawn('sh', {
      cwd,
      env: { ...process.env, SSL_CERT_FILE: '/dev/null' },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    shell.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    shell.on('error', reject);
    shell.on('close', () => {
      resolve(Buffer.concat(chunks).toString());
    });
    shell.stdin.end(script);
  });
}

function readAnswers(output: string): readonly (readonly [index: number, answer: OpensslAnswer])[] {
  return output
    .split(separator)
    .slice(1)
    .map(part => {
      const end = part.indexOf('\n');
      return [Number(part.slice(0, end)), readAnswer(part.slice(end + 1))];
    });
}

const errorLine = /^error (\d+) at (\d+) depth lookup: (.*)$/gm;

function readAnswer(output: string): OpensslAnswer {
  const errors = [...output.matchAll(errorLine)].map(([, code, depth, text = '']) => ({
    code: Number(code),
    depth: Number(depth),
    text,
  }));
  return { accepted: /: OK$/m.test(output), errors, output };
}
