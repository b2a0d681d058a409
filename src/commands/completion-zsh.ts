import {
  type CompletableCommand,
  type CompletableFlag,
  type CompletionTable,
  quote,
  type Values,
} from './completion-table.ts';

const functions = String.raw`
# The PKI directory that the command line names. _arguments takes the words apart, so they are kept from before.
_mtlsctl_dir() {
  local -i i
  REPLY=${'$'}{MTLSCTL_DIR:-/etc/link-certs}
  for ((i = 2; i < mtlsctl_current; i++)); do
    case $mtlsctl_words[i] in
      --dir) ((i + 1 < mtlsctl_current)) && REPLY=${'$'}{(Q)mtlsctl_words[i + 1]} ;;
      --dir=*) REPLY=${'$'}{(Q)mtlsctl_words[i]#--dir=} ;;
    esac
  done
  [[ $REPLY == '~/'* ]] && REPLY=$HOME/${'$'}{REPLY#'~/'}
}

# Offers the directories in the PKI directory, or in its directory $2, whose names are those of $1.
_mtlsctl_names() {
  local REPLY name
  local -a names
  _mtlsctl_dir
  for name in $REPLY$2/*(N/:t); do
    [[ $name == authorities || $name == -* || $name == *- || $name == *[^abcdefghijklmnopqrstuvwxyz0123456789-]* ]] || names+=$name
  done
  _wanted $1 expl $1 compadd -a names
}

_mtlsctl_services() { _mtlsctl_names services '' }
_mtlsctl_authorities() { _mtlsctl_names authorities /authorities }
_mtlsctl_services_files() { _alternative 'services:service:_mtlsctl_services' 'files:file:_files' }
_mtlsctl_services_authorities() { _alternative 'services:service:_mtlsctl_services' 'authorities:authority:_mtlsctl_authorities' }
`;

export function zsh({ shared, commands }: CompletionTable): string {
  const list = commands.map(each => `    ${quote(`${each.name.replaceAll(':', '\\:')}:${each.summary}`)}`);
  const cases = commands.map(each => `    ${each.name}) _arguments ${specifications(each).join(' ')} ;;`);
  return `#compdef mtlsctl
${functions}
_mtlsctl() {
  local curcontext=$curcontext state line expl
  local -a commands mtlsctl_words=("\${words[@]}")
  local -i mtlsctl_current=CURRENT
  typeset -A opt_args
  commands=(
${list.join('\n')}
  )
  _arguments -C -A '-*' ${shared.map(specification).join(' ')} '1:command:->command' '*::argument:->argument' && return
  if [[ $state == command ]]; then
    _describe command commands
    return
  fi
  case $words[1] in
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

function specifications({ flags, operands }: CompletableCommand): readonly string[] {
  const options = flags.map(specification);
  if (operands === undefined) return options;
  return [...options, quote(`${operands.isVariadic ? '*' : '1'}:operand:${action(operands)}`)];
}

function specification({ long, description, values }: CompletableFlag): string {
  const text = description.replace(/[[\]:\\]/g, match => `\\${match}`);
  return quote(`*${long}[${text}]${values === undefined ? '' : `:value:${action(values)}`}`);
}

function action({ choices, sources }: Values): string {
  if (choices.length > 0) return `(${choices.join(' ')})`;
  return actions[sources.join(' ')] ?? ' ';
}

const actions: Readonly<Record<string, string>> = {
  authorities: '_mtlsctl_authorities',
  directories: '_files -/',
  files: '_files',
  services: '_mtlsctl_services',
  'services authorities': '_mtlsctl_services_authorities',
  'services files': '_mtlsctl_services_files',
};
