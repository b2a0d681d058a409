import { type CompletionTable, quote, type Values } from './completion-table.ts';

/** Names in the PKI directory are offered only where they are DNS labels, so that nothing of the shell's can be in them. */
const functions = String.raw`
# The word as the shell would read it, for quotes, backslashes and ~; nothing in it is expanded or run.
_mtlsctl_unquote() {
  local word=$1
  case $word in
    \~/*) word=$HOME/${'$'}{word#\~/} ;;
    \"*) word=${'$'}{word#\"} word=${'$'}{word%\"} ;;
    \'*) word=${'$'}{word#\'} word=${'$'}{word%\'} ;;
  esac
  REPLY=${'$'}{word//\\/}
}

# The directories in $1 whose names are those of services or authorities.
_mtlsctl_names() (
  shopt -u dotglob failglob nullglob
  for path in "$1"/*/; do
    name=${'$'}{path%/}
    name=${'$'}{name##*/}
    case $name in
      authorities | -* | *- | *[!abcdefghijklmnopqrstuvwxyz0123456789-]*) ;;
      *) printf '%s\n' "$name" ;;
    esac
  done
)

# Adds the files that begin with the current word, each quoted, a directory with a slash.
_mtlsctl_files() {
  local file
  _mtlsctl_unquote "$current"
  while IFS= read -r file; do
    if [[ -d $file ]]; then
      printf -v file '%q/' "$file"
      compopt -o nospace
    else
      printf -v file '%q' "$file"
    fi
    COMPREPLY+=("$file")
  done < <(compgen -f -- "$REPLY")
}
`;

export function bash({ shared, commands }: CompletionTable): string {
  const names = commands.map(each => each.name).join(' ');
  const flags = [{ name: '', flags: shared }, ...commands].map(
    each => `    ${quote(each.name)}) flags=${quote(each.flags.map(flag => flag.long).join(' '))} ;;`,
  );
  const values = [{ name: '', flags: shared, operands: undefined }, ...commands].flatMap(each => [
    ...each.flags.flatMap(({ long, values }) => (values === undefined ? [] : [valuesLine(each.name, long, values)])),
    ...(each.operands === undefined ? [] : [valuesLine(each.name, '', each.operands)]),
  ]);
  return `# bash completion for mtlsctl
${functions}
# What stands behind flag $2 of command $1, or where $2 is empty as its operand; false where nothing does.
_mtlsctl_values() {
  choices= sources=
  case "$1 $2" in
${values.join('\n')}
    *) return 1 ;;
  esac
}

_mtlsctl() {
  local command= flag= flags= choices= sources= word i REPLY names= IFS=$' \\t\\n'
  local current=\${COMP_WORDS[COMP_CWORD]} dir=\${MTLSCTL_DIR:-/etc/link-certs}
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ -n $flag ]]; then
      # bash makes three words of --dir=pki.
      [[ $word == = ]] && continue
      _mtlsctl_unquote "$word"
      [[ $flag == --dir ]] && dir=$REPLY
      flag=
    elif [[ $word == --*=* ]]; then
      _mtlsctl_unquote "\${word#*=}"
      [[ $word == --dir=* ]] && dir=$REPLY
    elif [[ $word == -* ]]; then
      _mtlsctl_values "$command" "$word" && flag=$word
    elif [[ -z $command ]]; then
      command=$word
    fi
  done
  [[ $current == = && -n $flag ]] && current=
  if [[ -z $flag && $current == -* ]]; then
    case $command in
${flags.join('\n')}
    esac
    mapfile -t COMPREPLY < <(compgen -W "$flags" -- "$current")
    return
  fi
  if [[ -z $flag && -z $command ]]; then
    mapfile -t COMPREPLY < <(compgen -W ${quote(names)} -- "$current")
    return
  fi
  _mtlsctl_values "$command" "$flag" || return
  [[ $sources == *services* ]] && names+=" $(_mtlsctl_names "$dir")"
  [[ $sources == *authorities* ]] && names+=" $(_mtlsctl_names "$dir/authorities")"
  mapfile -t COMPREPLY < <(compgen -W "$choices $names" -- "$current")
  case $sources in
    *directories) compopt -o dirnames ;;
    *files) if ((\${#COMPREPLY[@]})); then _mtlsctl_files; else compopt -o default; fi ;;
  esac
}
complete -F _mtlsctl mtlsctl
`;
}

function valuesLine(command: string, flag: string, { choices, sources }: Values): string {
  return `    ${quote(`${command} ${flag}`)}) choices=${quote(choices.join(' '))} sources=${quote(sources.join(' '))} ;;`;
}
