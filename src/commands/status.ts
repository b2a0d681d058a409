import { type Command, Option } from 'commander';
import { MtlsctlError } from '../errors.ts';
import { parseDuration } from '../options.ts';
import { isInOrder, reportOf } from '../status/report.ts';
import { surveyPkiDirectory } from '../status/survey.ts';
import type { CommandContext, CommandDefinition, OptionValues } from './command.ts';

const formats = ['text', 'json', 'prometheus'] as const;

type Format = (typeof formats)[number];

export const command: CommandDefinition = {
  name: 'status',
  operands: [],
  description: `Shows every service, authority and CRL of the PKI directory: how long it lasts, when it is renewed, its state, how its hook ended, and what to do where
something is wrong. Alarms are 'notice', 'warning', 'error' and 'critical' at 30, 15, 7 and 1 day before an end; of what lives shorter than 90 days
at the same parts of its life. FULL LIVES UNTIL: from then on what an authority issues is cut short by its own end. The exit status is 1 where
something is expired, mismatched, revoked, missing or can't be read, and with --expires-in where something has less than that left (a CRL: less than
that and in the last third of its life). A renewal or hook that failed is shown, and does not change it.`,
  examples: [
    'mtlsctl status',
    'mtlsctl status --expires-in 14d > /dev/null || echo look',
    "mtlsctl status --json | jq -r '.services[] | select(.ok | not) | .service'",
    'mtlsctl status --format prometheus > /var/lib/node_exporter/mtlsctl.prom.new',
  ],
  exitStatuses: [0, 1, 3],
  configure(subcommand: Command) {
    subcommand
      .addOption(new Option('--format <format>', 'text, json (as --json) or prometheus').choices(formats))
      .option('--expires-in <duration>', 'status 1 also where something has less than this left', text =>
        parseDuration(text, '--expires-in'),
      );
  },
  async run(context, _operands, options) {
    const format = formatOf(context, options);
    const { system, directory } = context;
    const now = system.now();
    const survey = await surveyPkiDirectory({ directory, now, host: system.host });
    const limit = { now, expiresIn: options['expiresIn'] as number | undefined };
    const document = reportOf(survey, limit);
    return {
      document,
      status: isInOrder(survey, limit) ? 0 : 1,
      text: async paint => {
        if (format === 'prometheus') return (await import('../status/render-metrics.ts')).renderMetrics(survey);
        if (format === 'json') return (await import('../printable-json.ts')).printableJson(document, 2) + '\n';
        return (await import('../status/text.ts')).textOf(survey, limit, { paint, system });
      },
    };
  },
};

function formatOf(context: CommandContext, options: OptionValues): Format {
  const asked = options['format'] as Format | undefined;
  if (!context.json) return asked ?? 'text';
  if (asked !== undefined && asked !== 'json')
    throw new MtlsctlError('usage', `--json and --format ${asked} exclude each other`);
  return 'json';
}
