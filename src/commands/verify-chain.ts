import { type Command, Option } from 'commander';
import { parseCount, parseDuration, parseInstant } from '../options.ts';
import type { ReferenceName } from '../path/reference-names.ts';
import { answerLines, longestLine } from '../verification/batch.ts';
import { type VerificationOrder, verifyTargets } from '../verification/run.ts';
import { parseReferenceName } from '../verification/reference-name.ts';
import { resultDocument, resultText } from '../verification/report.ts';
import { MtlsctlError } from '../errors.ts';
import { type CommandContext, type CommandDefinition, gather, type Outcome } from './command.ts';

/** Flags that go as they are, each as its parser returned it. */
type VerifyChainFlags = Omit<
  VerificationOrder,
  'all' | 'at' | 'crls' | 'directory' | 'names' | 'requireCrl' | 'strict' | 'targets'
>;

export const command: CommandDefinition = {
  name: 'verify-chain',
  operands: [['[target...]', 'certificate files (leaf first, then intermediates) or services of the PKI directory']],
  description: `Verifies certificate chains up to a trust anchor (RFC 5280, section 6; names by RFC 9525).

Trust anchors are those of --trust, else ca.pem of the PKI directory; never the system's. CRLs are those of --crl, else crl.pem of the PKI directory where
ca.pem is used; once there are CRLs every certificate but the anchor must be covered by one that is in time. For a service its key is checked too.`,
  examples: [
    'mtlsctl verify-chain user-svc',
    'mtlsctl verify-chain --all --min-remaining 14d',
    'mtlsctl verify-chain cert.pem --trust ca.pem --purpose server --name user-svc.link.internal',
    'mtlsctl verify-chain leaf.pem --untrusted intermediates.pem --trust ca.pem --json',
  ],
  exitStatuses: [0, 1, 3],
  configure(command: Command) {
    command
      .option('--all', 'every service of the PKI directory')
      .option('--trust <file>', 'trust anchors (default: ca.pem of the PKI directory)')
      .option('--untrusted <file>', 'further intermediates')
      .option('--crl <file>', 'certificate revocation lists; may be repeated', gather(String))
      .option('--require-crl', 'refuse where no CRL is given or found')
      .addOption(
        new Option('--purpose <purpose>', 'what the leaf is to be used for')
          .choices(['client', 'server', 'mutual', 'any'])
          .default('any'),
      )
      .option('--name <dns|ip|uri>', 'a name that the leaf must have; may be repeated', gather(parseReferenceName))
      .option('--at <instant>', 'judge as of this time (RFC 3339)', text => parseInstant(text, '--at'))
      .option('--min-remaining <duration>', 'refuse what ends sooner', text => parseDuration(text, '--min-remaining'))
      .option('--key <file>', "check that this is the leaf's private key")
      .addOption(
        new Option('--profile <profile>', 'the rules to judge by').choices(['rfc5280', 'webpki']).default('rfc5280'),
      )
      .option('--strict', 'turn warnings into refusals')
      .option('--max-depth <n>', 'intermediates allowed between anchor and leaf', text =>
        parseCount(text, '--max-depth', { minimum: 0, maximum: 100 }),
      )
      .addOption(
        new Option('--batch', 'answer requests from stdin, one JSON object a line, as they come').conflicts(oneRunOnly),
      );
  },
  async run(context, operands, options) {
    if (options['batch'] === true) return answerBatch(context, operands);
    const run = await verifyTargets({
      directory: context.directory,
      targets: operands,
      ...(options as unknown as VerifyChainFlags),
      at: (options['at'] as number | undefined) ?? context.system.now(),
      all: options['all'] === true,
      crls: (options['crl'] ?? []) as readonly string[],
      names: (options['name'] ?? []) as readonly ReferenceName[],
      requireCrl: options['requireCrl'] === true,
      strict: options['strict'] === true,
    });
    return {
      document: { schema: 'mtlsctl/verify-chain/v1', results: run.results.map(resultDocument) },
      status: run.status,
      text: paint => run.results.map(result => resultText(result, paint)).join(''),
    };
  },
};

/** Each line of a batch brings its own. */
const oneRunOnly = [
  ...['all', 'trust', 'untrusted', 'crl', 'requireCrl', 'purpose', 'name', 'at', 'minRemaining', 'key'],
  ...['profile', 'strict', 'maxDepth', 'junit'],
];

/** Status 0 once all lines have been read, whatever the answers are. */
async function answerBatch(
  { emit, system }: CommandContext,
  operands: readonly string[],
): Promise<Outcome | undefined> {
  if (operands.length > 0) throw new MtlsctlError('usage', '--batch and named targets exclude each other');
  for await (const answer of answerLines(system.stdinLines(longestLine), () => system.now())) {
    emit(answer);
    await system.stdout.drained();
  }
  return undefined;
}
