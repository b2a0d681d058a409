import { Argument, type Command, type Option } from 'commander';
import { chooseFrom, missingOperand } from './ask.ts';
import type { CommandContext, CommandDefinition } from './command.ts';

export const command: CommandDefinition = {
  name: 'completion',
  operands: [],
  description: 'Prints a completion script for a shell.',
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
    const script = (writers[shell] ?? bash)(describe(context.program));
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

interface Completable {
  readonly name: string;
  readonly summary: string;
  readonly flags: readonly { readonly long: string; readonly description: string; readonly takesValue: boolean }[];
}

function describe(program: Command): readonly Completable[] {
  const shared = program.options.map(describeOption);
  return program.commands.map(command => ({
    name: command.name(),
    summary: command.summary(),
    flags: [...command.options.map(describeOption), ...shared],
  }));
}

function describeOption(option: Option): Completable['flags'][number] {
  return { long: option.long ?? option.flags, description: option.description, takesValue: option.required };
}

const writers: Readonly<Record<string, (commands: readonly Completable[]) => string>> = { bash, zsh, fish };

/** Flags that take a value complete to files, which is what most of them want. */
function bash(commands: readonly Completable[]): string {
  const cases = commands.map(
    each => `    ${each.name}) flags=${quote(each.flags.map(flag => flag.long).join(' '))} ;;`,
  );
  return `# bash completion for mtlsctl
_mtlsctl() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= flags= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in ${commands.map(each => each.name).join('|')}) command=$word; break ;; esac
  done
  case $command in
    '') COMPREPLY=($(compgen -W ${quote(commands.map(each => each.name).join(' '))} -- "$current")); return ;;
${cases.join('\n')}
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$flags" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}
complete -o filenames -F _mtlsctl mtlsctl
`;
}

function zsh(commands: readonly Completable[]): string {
  const list = commands.map(each => `    ${quote(`${each.name}:${each.summary}`)}`);
  const cases = commands.map(
    each => `    ${each.name}) _arguments ${each.flags.map(zshFlag).join(' ')} '*:file:_files' ;;`,
  );
  return `#compdef mtlsctl
_mtlsctl() {
  local -a commands=(
${list.join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${cases.join('\n')}
  esac
}
if [ "$funcstack[1]" = "_mtlsctl" ]; then
  _mtlsctl "$@"
else
  compdef _mtlsctl mtlsctl
fi
`;
}

function zshFlag(flag: Completable['flags'][number]): string {
  const description = flag.description.replace(/[[\]:\\]/g, match => `\\${match}`);
  return quote(`*${flag.long}[${description}]${flag.takesValue ? ':value:_files' : ''}`);
}

function fish(commands: readonly Completable[]): string {
  const lines = commands.flatMap(each => [
    `complete -c mtlsctl -f -n __fish_use_subcommand -a ${each.name} -d ${quote(each.summary)}`,
    ...each.flags.map(
      flag =>
        `complete -c mtlsctl -n '__fish_seen_subcommand_from ${each.name}' -l ${flag.long.replace(/^--/, '')}` +
        `${flag.takesValue ? ' -r' : ''} -d ${quote(flag.description)}`,
    ),
  ]);
  return `# fish completion for mtlsctl\n${lines.join('\n')}\n`;
}

/** A word for the shell: single quotes, a quote inside written as '\''. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
