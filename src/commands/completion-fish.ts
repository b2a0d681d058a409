import { type CompletableCommand, type CompletionTable, type Source, type Values } from './completion-table.ts';

const functions = String.raw`
# The command on the line, if there is one yet.
function __mtlsctl_command
    set -l words (commandline -opc)
    set -e words[1]
    while set -q words[1]
        switch $words[1]
            case --dir
                set -e words[1]
            case '-*'
            case '*'
                echo $words[1]
                return
        end
        set -e words[1]
    end
end

function __mtlsctl_is
    set -l command (__mtlsctl_command)
    test "$command" = "$argv[1]"
end

# The directories in the PKI directory that the line names, or in its directory $argv[1], whose names are those of services or authorities.
function __mtlsctl_names
    set -l dir /etc/link-certs
    test -n "$MTLSCTL_DIR"; and set dir $MTLSCTL_DIR
    set -l words (commandline -opc)
    for i in (seq 2 (count $words))
        if string match -q -- '--dir=*' $words[$i]
            set dir (string replace -- '--dir=' '' $words[$i])
        else if test "$words[$i]" = --dir; and set -q words[(math $i + 1)]
            set dir $words[(math $i + 1)]
        end
    end
    set dir (string replace -r -- '^~/' "$HOME/" $dir)
    for path in "$dir$argv[1]"/*/
        set -l name (string replace -r -- '^.*/([^/]*)/$' '$1' $path)
        string match -qr -- '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$' $name; and test "$name" != authorities; and echo $name
    end
end
`;

export function fish({ shared, commands }: CompletionTable): string {
  const lines = [
    ...commands.map(
      each => `complete -c mtlsctl -n '__mtlsctl_is ""' -a ${fishQuote(each.name)} -d ${fishQuote(each.summary)}`,
    ),
    ...[{ name: '', flags: shared }, ...commands].flatMap(flagLines),
    ...commands.flatMap(operandLine),
  ];
  return `# fish completion for mtlsctl\n${functions}\ncomplete -c mtlsctl -f\n${lines.join('\n')}\n`;
}

function flagLines({ name, flags }: Pick<CompletableCommand, 'flags' | 'name'>): readonly string[] {
  return flags.map(({ long, description, values }) => {
    const value = values === undefined ? '' : ` -r ${candidates(values)}`;
    return `complete -c mtlsctl ${when(name)} -l ${fishQuote(long.replace(/^--/, ''))}${value} -d ${fishQuote(description)}`;
  });
}

function operandLine({ name, operands }: CompletableCommand): readonly string[] {
  return operands === undefined ? [] : [`complete -c mtlsctl ${when(name)} ${candidates(operands)}`];
}

function when(command: string): string {
  return `-n ${fishQuote(`__mtlsctl_is "${command}"`)}`;
}

const lookUps: Readonly<Record<Source, string>> = {
  authorities: '(__mtlsctl_names /authorities)',
  directories: '(__fish_complete_directories (commandline -ct))',
  files: '',
  services: "(__mtlsctl_names '')",
};

function candidates({ choices, sources }: Values): string {
  const words = [...choices, ...sources.map(source => lookUps[source])].filter(word => word !== '');
  return `${sources.includes('files') ? '-F' : '-f'}${words.length === 0 ? '' : ` -a ${fishQuote(words.join(' '))}`}`;
}

/** In single quotes fish knows \' and \\ only. */
function fishQuote(text: string): string {
  return `'${text.replace(/[\\']/g, match => `\\${match}`)}'`;
}
