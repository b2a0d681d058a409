import { type Command, Option } from 'commander';
import { readConfig } from '../authority/configuration.ts';
import { MtlsctlError } from '../errors.ts';
import { replaceFile } from '../files.ts';
import { parseCount, parseDuration, parseInstant, parseServiceName } from '../options.ts';
import type { ReferenceName } from '../path/reference-names.ts';
import { answerLines, longestLine } from '../verification/batch.ts';
import { junitReport } from '../verification/junit.ts';
import { noTarget, type VerificationOrder, verifyTargets } from '../verification/run.ts';
import { parseReferenceName } from '../verification/reference-name.ts';
import { resultText } from '../verification/report.ts';
import { askFor, parseGiven } from './ask.ts';
import { type CommandContext, type CommandDefinition, gather, type OptionValues, type Outcome } from './command.ts';

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
ca.pem is used; once there are CRLs, or authorities here that publish some, every certificate but the anchor must be covered by one that is in time. For a
service its key is checked too.

With --batch each line of stdin is a request: {"id", "leaf": pem, "untrusted": [pem], "trust": [pem], "crls": [pem], "time": rfc3339|null, "purpose": "client|server|mutual|any",
"name": {"kind": "dns|ip|email|uri", "value"}|null, "names": [{kind, value}], "maxDepth": n|null, "keyUsage": [name], "eku": [name or oid],
"profile": "rfc5280|webpki", "strict": bool, "policies": {"initialPolicySet": [oid], "requireExplicitPolicy", "inhibitPolicyMapping", "inhibitAnyPolicy"}|null};
leaf and trust must be there, time null is now, members of other names and empty lines are passed over. The answer, one line each in the same order,
is {"id", "valid": bool, "reasons": [code]}, or {"id", "error": {"code", "message"}} for a line that can't be judged, and the run goes on: a leaf or a CRL that
does not parse, trust of which nothing parses; an intermediate that does not parse is left out. The exit status is 0 once all lines have been read, whatever
the answers are, and 3 where stdin can't be read.`,
  examples: [
    'mtlsctl verify-chain user-svc',
    'mtlsctl verify-chain --all --min-remaining 12h',
    'mtlsctl verify-chain cert.pem --trust ca.pem --purpose server --name user-svc.link.internal',
    'mtlsctl verify-chain leaf.pem --untrusted intermediates.pem --trust ca.pem --json',
    'mtlsctl verify-chain --service user-svc --peer peer.pem',
    'mtlsctl verify-chain --all --junit verify-chain.xml',
    'mtlsctl verify-chain --batch < requests.ndjson > answers.ndjson',
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
      .option('--service <service>', 'also judge by the allow-list of mtlsctl.yaml who may call this service', text =>
        parseServiceName(text, '--service'),
      )
      .option('--peer <cert>', "with --service: the caller's certificate, a file or a service")
      .option('--strict', 'turn warnings into refusals')
      .option('--max-depth <n>', 'intermediates allowed between anchor and leaf', text =>
        parseCount(text, '--max-depth', { minimum: 0, maximum: 100 }),
      )
      .option('--junit <file>', 'also write the results as JUnit XML, for CI')
      .addOption(
        new Option('--batch', 'answer requests from stdin, one JSON object a line, as they come').conflicts(oneRunOnly),
      );
  },
  async run(context, operands, options) {
    if (options['batch'] === true) return answerBatch(context, operands);
    const calls = await callsOf(context, options);
    const targets = await targetsOf(context, operands, options);
    const run = await verifyTargets(
      {
        directory: context.directory,
        targets,
        ...(options as unknown as VerifyChainFlags),
        at: (options['at'] as number | undefined) ?? context.system.now(),
        all: options['all'] === true,
        crls: (options['crl'] ?? []) as readonly string[],
        names: (options['name'] ?? []) as readonly ReferenceName[],
        requireCrl: options['requireCrl'] === true,
        strict: options['strict'] === true,
        ...calls,
      },
      context.system,
    );
    const report = options['junit'] as string | undefined;
    if (report !== undefined) await replaceFile(report, junitReport(run.results), { mode: 0o644 });
    return {
      document: { schema: 'mtlsctl/verify-chain/v1', results: run.results },
      status: run.status,
      text: paint => run.results.map(result => resultText(result, paint)).join(''),
    };
  },
};

async function targetsOf(
  context: CommandContext,
  operands: readonly string[],
  options: OptionValues,
): Promise<readonly string[]> {
  const peer = options['peer'] as string | undefined;
  const targets = peer === undefined ? operands : [...operands, peer];
  if (targets.length > 0 || options['all'] === true) return targets;
  return [await askFor(context, { question: 'a certificate file or a service', parse: parseGiven, refusal: noTarget })];
}

/** Who calls a service does so as a client. */
async function callsOf(context: CommandContext, options: OptionValues): Promise<Partial<VerificationOrder>> {
  const named = options['service'] as string | undefined;
  if (named === undefined && options['peer'] === undefined) return {};
  const service = named ?? (await askForCalledService(context));
  const purpose = options['purpose'] as VerificationOrder['purpose'];
  if (purpose === 'server') throw new MtlsctlError('usage', '--service and --purpose server exclude each other');
  const { allow, trustDomain } = await readConfig(context.directory);
  const allowed = { service, trustDomain, callers: allow[service] };
  return { allowed, purpose: purpose === 'any' ? 'client' : purpose };
}

function askForCalledService(context: CommandContext): Promise<string> {
  return askFor(context, {
    question: 'the service that is called',
    parse: text => parseServiceName(text, '--service'),
    refusal: () => new MtlsctlError('usage', '--peer goes with --service, which it calls'),
  });
}

/** Each line of a batch brings its own. */
const oneRunOnly = [
  ...['all', 'trust', 'untrusted', 'crl', 'requireCrl', 'purpose', 'name', 'at', 'minRemaining', 'key'],
  ...['profile', 'strict', 'maxDepth', 'junit', 'service', 'peer'],
];

/** Status 0 once all lines have been read, whatever the answers are. */
async function answerBatch(context: CommandContext, operands: readonly string[]): Promise<Outcome | undefined> {
  const { system } = context;
  if (operands.length > 0) throw new MtlsctlError('usage', '--batch and named targets exclude each other');
  const collectGarbage = await system.garbageCollector?.();
  for await (const answer of answerLines(system.stdinLines(longestLine), () => system.now(), collectGarbage)) {
    context.emit(answer);
    await system.stdout.drained();
  }
  return undefined;
}
