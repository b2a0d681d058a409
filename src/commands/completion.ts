import { Argument, type Command } from 'commander';
import { chooseFrom, missingOperand } from './ask.ts';
import type { CommandContext, CommandDefinition } from './command.ts';
import { bash } from './completion-bash.ts';
import { fish } from './completion-fish.ts';
import { type CompletionTable, completionTable } from './completion-table.ts';
import { zsh } from './completion-zsh.ts';

export const command: CommandDefinition = {
  name: 'completion',
  operands: [],
  description: `Prints a completion script for a shell: commands, flags, their values, and the services and authorities of the PKI directory that the command line
names (--dir, MTLSCTL_DIR, else /etc/link-certs). It wants bash 4, zsh 5 or fish 3.`,
  examples: [
    'mtlsctl completion bash > /etc/bash_completion.d/mtlsctl',
    'mtlsctl completion zsh > "${fpath[1]}/_mtlsctl"',
    'mtlsctl completion fish > ~/.config/fish/completions/mtlsctl.fish',
  ],
  exitStatuses: [0],
  configure(command: Command) {
    command.addArgument(new Argument('<shell>', 'which shell').choices(Object.keys(writers)));
  },
  async run(context, [operand]) {
    const shell = operand ?? (await chooseShell(context));
    const script = (writers[shell] ?? bash)(completionTable(context.program));
    return { document: { schema: 'mtlsctl/completion/v1', shell, script }, text: () => script };
  },
};

function chooseShell(context: CommandContext): Promise<string> {
  return chooseFrom(context, {
    question: 'for which shell?',
    choices: () => Object.keys(writers),
    refusal: () => missingOperand('shell'),
  });
}

const writers: Readonly<Record<string, (table: CompletionTable) => string>> = { bash, zsh, fish };
