import {
  chownSync,
  lchownSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../../src/main.ts';
import { parseInstant } from '../../src/options.ts';
import { defaultNow, fakeSystem } from '../fake-system.ts';
import { type BuiltinResult, runBuiltin } from './builtins.ts';
import { parseSession, type SessionItem, type Setting, splitWords, type Step, substitute } from './format.ts';
import { generalise, matchLine, matchLines } from './match.ts';

interface World {
  /** The temporary directory in which everything takes place. */
  readonly directory: string;
  now: number;
  readonly env: Map<string, string>;
  unprivileged: boolean;
  readonly variables: Map<string, string>;
  readonly snapshots: Map<string, string>;
  lastStdout: string;
}

export interface SessionOptions {
  /** Write what was printed into the session file instead of comparing; for a person to read over. */
  readonly update?: boolean;
}

/** Runs a session file in a temporary directory of its own. Throws at the first step that went otherwise, with its line and what came. */
export async function runSession(path: string, options: SessionOptions = {}): Promise<void> {
  const corrections = await runSessionText(readFileSync(path, 'utf8'), path, options);
  if (corrections.length > 0) rewrite(path, corrections);
}

/** As runSession, for text from elsewhere; `path` is for messages. Returns what would have to be corrected, with `update` only. */
export async function runSessionText(
  text: string,
  path: string,
  options: SessionOptions = {},
): Promise<readonly Correction[]> {
  const items = parseSession(text);
  const before = process.cwd();
  const world = newWorld();
  const corrections: Correction[] = [];
  const failures: string[] = [];
  process.chdir(world.directory);
  try {
    for (const item of items) {
      try {
        const correction = await runItem(item, world, path);
        if (correction === undefined) continue;
        if (options.update !== true) throw new Error(correction.problem);
        // A bug is nothing to be expected.
        if (correction.lines.includes('? 70')) throw new Error(correction.problem);
        corrections.push(correction);
      } catch (error) {
        if (options.update !== true) throw error;
        failures.push(error instanceof Error ? error.message : String(error));
      }
    }
  } finally {
    process.chdir(before);
    rmSync(world.directory, { recursive: true, force: true });
  }
  if (failures.length > 0) throw new Error(failures.join('\n'));
  return corrections;
}

/** What a step should say instead, in the format of the file. */
export interface Correction {
  readonly step: Step;
  readonly problem: string;
  readonly lines: readonly string[];
}

function newWorld(): World {
  const directory = realpathSync(mkdtempSync(join(tmpdir(), 'mtlsctl-session-')));
  return {
    directory,
    now: defaultNow,
    env: new Map([['MTLSCTL_DIR', join(directory, 'pki')]]),
    unprivileged: false,
    variables: new Map(),
    snapshots: new Map(),
    lastStdout: '',
  };
}

async function runItem(item: SessionItem, world: World, path: string): Promise<Correction | undefined> {
  try {
    if ('setting' in item) {
      applySetting(item, world);
      return undefined;
    }
    const result = await runStep(item, world);
    return judge(item, result, world, path);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new Error(`${path}:${item.line}: ${message}`, { cause: error });
  }
}

function applySetting({ setting, value }: Setting, world: World): void {
  const settings: Readonly<Record<string, () => void>> = {
    env: () => {
      const [name = '', ...rest] = value.split('=');
      world.env.set(name, rest.join('='));
    },
    now: () => {
      world.now = parseInstant(value, '@now');
    },
    on: () => {
      world.env.set('MTLSCTL_DIR', join(world.directory, value));
    },
    unprivileged: () => {
      world.unprivileged = true;
    },
  };
  const apply = settings[setting];
  if (apply === undefined) throw new Error(`there is no @${setting}`);
  apply();
}

async function runStep(step: Step, world: World): Promise<BuiltinResult> {
  const [name = '', ...args] = splitWords(step.command, world.variables);
  if (name === 'mtlsctl') return runMain(step, args, world);
  const content = step.content.map(line => substitute(line, world.variables));
  const result = runBuiltin(name, args, { ...world, content });
  if (result === undefined) throw new Error(`there is no command '${name}' in sessions`);
  return result;
}

async function runMain(step: Step, args: readonly string[], world: World): Promise<BuiltinResult> {
  const answers = step.answers?.map(([question, answer]) => ({
    answer: substitute(answer, world.variables),
    matches: (asked: string) => matchLine(question, hideDirectory(asked, world), world.variables) !== undefined,
  }));
  const system = fakeSystem({
    args,
    env: Object.fromEntries(world.env),
    workingDirectory: world.directory,
    now: world.now,
    stdin: step.stdin.map(line => `${substitute(line, world.variables)}\n`).join(''),
    ...(answers === undefined ? {} : { answers }),
  });
  const status = await asUser(world, () => main(system));
  if (system.unusedAnswers() > 0) {
    throw new Error(`only these questions were asked: ${system.questions.join(' / ') || 'none'}`);
  }
  world.lastStdout = system.output();
  return { stdout: system.output(), stderr: system.errors(), status };
}

/** root may write anywhere, so a test of permissions takes the rights of another user for as long as the command runs. */
async function asUser(world: World, action: () => Promise<number>): Promise<number> {
  const nobody = 65534;
  if (!world.unprivileged || process.geteuid?.() !== 0) return action();
  for (const path of ['.', ...readdirSync('.', { recursive: true, encoding: 'utf8' })])
    lchownSync(path, nobody, nobody);
  chownSync(world.directory, nobody, nobody);
  process.seteuid?.(nobody);
  try {
    return await action();
  } finally {
    process.seteuid?.(0);
  }
}

function judge(step: Step, result: BuiltinResult, world: World, path: string): Correction | undefined {
  const stdout = toLines(hideDirectory(result.stdout, world));
  const stderr = toLines(hideDirectory(result.stderr, world));
  const caught = matchLines(step.stdout, stdout, world.variables);
  const caughtBeside = matchLines(step.stderr, stderr, world.variables);
  if (caught !== undefined && caughtBeside !== undefined && step.status === result.status) {
    for (const [name, value] of [...caught, ...caughtBeside]) world.variables.set(name, value);
    return undefined;
  }
  const lines = [
    ...stdout.map(line => `> ${generalise(line)}`.trimEnd()),
    ...stderr.map(line => `! ${generalise(line)}`.trimEnd()),
    ...(result.status === 0 ? [] : [`? ${result.status}`]),
  ];
  const problem = `${path}:${step.line}: $ ${step.command}\nwas expected to end otherwise; it printed\n${lines.join('\n')}\n`;
  return { step, problem, lines };
}

function hideDirectory(text: string, world: World): string {
  return text.replaceAll(world.directory, '<dir>');
}

function toLines(text: string): readonly string[] {
  if (text === '') return [];
  return text
    .replace(/\n$/, '')
    .split('\n')
    .map(line => showControls(line).trimEnd());
}

/** A control character in the output would be a fault (nothing printed may control the terminal), so it is made to be seen. */
function showControls(line: string): string {
  return line.replace(/\p{Cc}/gu, found => `<U+${found.charCodeAt(0).toString(16).padStart(4, '0')}>`);
}

function rewrite(path: string, corrections: readonly Correction[]): void {
  const lines = readFileSync(path, 'utf8').split('\n');
  for (const { step, lines: instead } of [...corrections].reverse()) {
    const own = lines.slice(step.line, step.lastLine);
    const given = own.filter(line => /^[<|:#]/.test(line));
    lines.splice(step.line, own.length, ...given, ...instead);
  }
  writeFileSync(path, lines.join('\n'));
}
