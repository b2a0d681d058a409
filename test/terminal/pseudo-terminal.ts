import { spawnSync } from 'node:child_process';
import { expect } from 'vitest';
import { requireTool } from '../interop/requirements.ts';

/**
 * Runs a command on a pseudo-terminal of its own and types each answer once what stands before it has appeared. Returns what was shown and the exit
 * status. Node has no pseudo-terminals, Python does.
 */
export function onTerminal(
  command: readonly string[],
  answers: readonly (readonly [after: string, keys: string])[],
  { directory, env = {} }: { readonly directory: string; readonly env?: Readonly<Record<string, string>> },
): { shown: string; status: number } {
  const { stdout, stderr } = spawnSync(requireTool('python3'), ['-c', script, JSON.stringify([command, answers])], {
    cwd: directory,
    encoding: 'utf8',
    env: { ...process.env, TERM: 'xterm', CI: '', ...env },
  });
  expect(stderr).toBe('');
  const { shown, status, left } = JSON.parse(stdout) as { shown: string; status: number; left: unknown };
  expect(left, shown).toEqual([]);
  return { shown, status };
}

const script = `
import json, os, pty, signal, sys
command, answers = json.loads(sys.argv[1])
signal.alarm(60)
pid, terminal = pty.fork()
if pid == 0:
    os.execvp(command[0], command)
shown, seen = b"", 0
while True:
    if answers:
        found = shown.find(answers[0][0].encode(), seen)
        if found >= 0:
            seen = len(shown)
            os.write(terminal, answers.pop(0)[1].encode())
            continue
    try:
        chunk = os.read(terminal, 65536)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(json.dumps({"shown": shown.decode(), "status": status, "left": answers}))
`;
