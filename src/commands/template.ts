import type { Command } from 'commander';
import type { ServiceFile } from '../config/service-file.ts';
import { readServiceSettings, servicePaths } from '../deployment/service.ts';
import { isMtlsctlError, MtlsctlError } from '../errors.ts';
import { parseHook, parseServiceName } from '../options.ts';
import { catalogue, templateNamed } from '../templates/catalogue.ts';
import { gatherFacts, missingFile, parseEndpoint, type TemplateOrder } from '../templates/facts.ts';
import { printedText, printTemplate } from '../templates/print.ts';
import type { Template, TemplateFlag } from '../templates/template.ts';
import { serviceNames } from '../verification/targets.ts';
import { chooseFrom } from './ask.ts';
import { type CommandContext, type CommandDefinition, gather, type OptionValues, type Outcome } from './command.ts';

/** Flags that go as they are, each as its parser returned it. */
type TemplateFlags = Omit<TemplateOrder, 'directory' | 'hooks' | 'service'>;

export const command: CommandDefinition = {
  name: 'template',
  operands: [['[name]', 'which configuration; --list tells of each', Object.keys(catalogue)]],
  description: `Prints configuration that is right for this PKI directory: for servers and clients that use its certificates, systemd units, Prometheus rules. Nothing is
written. Each text begins with what to do with it, and how the server is made to read new certificates. Where mtlsctl.yaml says who may call a service ('allow:'), servers that can are
told so. The same directory and flags give the same text.`,
  examples: [
    'mtlsctl template --list',
    'mtlsctl template nginx --service user-svc --listen 0.0.0.0:8443 --upstream 127.0.0.1:8080',
    'mtlsctl template postgresql --service db --part pg_hba',
    'mtlsctl template systemd-renew --part timer > /etc/systemd/system/mtlsctl-renew.timer',
  ],
  exitStatuses: [0, 3],
  configure(command: Command) {
    command
      .option('--list', 'list the templates')
      .option('--service <service>', 'the service that uses the certificate (default: the only one here)', text =>
        parseServiceName(text, '--service'),
      )
      .option('--part <name>', 'one file of the configuration')
      .option('--peer <service>', 'the service at the other end (default: one that the allow-list names)', text =>
        parseServiceName(text, '--peer'),
      )
      .option('--listen <host:port>', 'where the server listens', text => parseEndpoint(text, '--listen'))
      .option('--upstream <host:port>', 'the service without TLS behind it', text => parseEndpoint(text, '--upstream'))
      .option(
        '--connect <host:port>',
        'where the server is reached (default: its name, and the port of --listen)',
        text => parseEndpoint(text, '--connect'),
      )
      .option('--program <path>', "the program that systemd runs (default: mtlsctl in systemd's path)")
      .option('--ca-passphrase-file <path>', "a file with the passphrase of the authority's key, for systemd")
      .option('--metrics-file <path>', 'where renew leaves its metrics for node_exporter')
      .option(
        '--hook <command>',
        'a command to be run after each new CRL; may be repeated',
        gather(text => parseHook(text, '--hook')),
      );
  },
  async run(context, [operand], options) {
    if (options['list'] === true) return list(operand, options);
    const name = operand ?? (await chooseTemplate(context));
    const template = templateNamed(name);
    refuseOtherFlags(name, template, options);
    const service = template.takes.includes('service') ? await chooseService(context, options) : undefined;
    const { directory } = context;
    const hooks = (options['hook'] ?? []) as readonly string[];
    const facts = await gatherFacts(template, { ...(options as unknown as TemplateFlags), directory, hooks, service });
    const printed = printTemplate(template, facts, options['part'] as string | undefined);
    await warnIfMissing(context, facts.service, template.output);
    if (template.calls !== true && facts.peer !== facts.service) await warnIfMissing(context, facts.peer);
    const { parts, reload } = printed;
    return {
      document: { schema: 'mtlsctl/template/v1', template: name, service, reload, parts },
      text: () => printedText(printed, template),
    };
  },
};

function list(name: string | undefined, options: OptionValues): Outcome {
  const others = Object.keys(options).filter(key => isTemplateFlag(key) || key === 'part');
  if (name !== undefined || others.length > 0) throw new MtlsctlError('usage', '--list goes alone');
  const templates = Object.entries(catalogue).map(([template, { checksCrl, enforcesAllow, parts, summary }]) => ({
    name: template,
    summary,
    parts: parts.map(part => part.name),
    checksCrl,
    enforcesAllow,
  }));
  const width = Math.max(...templates.map(each => each.name.length));
  return {
    document: { schema: 'mtlsctl/template/v1', templates },
    text: () => templates.map(each => `${each.name.padEnd(width)}  ${each.summary}\n`).join(''),
  };
}

/** The flags that some templates take, as they are typed. */
const flags: Readonly<Record<TemplateFlag, string>> = {
  service: '--service',
  peer: '--peer',
  listen: '--listen',
  upstream: '--upstream',
  connect: '--connect',
  program: '--program',
  caPassphraseFile: '--ca-passphrase-file',
  metricsFile: '--metrics-file',
  hook: '--hook',
};

function isTemplateFlag(key: string): key is TemplateFlag {
  return Object.hasOwn(flags, key);
}

/** A flag without effect would be taken for one that has. */
function refuseOtherFlags(name: string, template: Template, options: OptionValues): void {
  const stray = Object.keys(options).find(key => isTemplateFlag(key) && !template.takes.includes(key));
  if (stray === undefined) return;
  const taken = template.takes.map(flag => flags[flag]).join(', ');
  throw new MtlsctlError('usage', `the template ${name} has no use for ${flags[stray as TemplateFlag]}`, {
    hints: [taken === '' ? 'it takes none of these flags' : `it takes ${taken}`],
  });
}

function chooseTemplate(context: CommandContext): Promise<string> {
  return chooseFrom(context, {
    question: 'which configuration?',
    choices: () => Object.keys(catalogue),
    refusal: () => new MtlsctlError('usage', 'no template is named', { hints: ["run 'mtlsctl template --list'"] }),
  });
}

async function chooseService(context: CommandContext, options: OptionValues): Promise<string> {
  if (options['service'] !== undefined) return options['service'] as string;
  const names = await enrolledServices(context.directory);
  const [first] = names;
  if (first !== undefined && names.length === 1) return first;
  return chooseFrom(context, {
    question: 'for which service?',
    choices: () => names,
    refusal: () =>
      new MtlsctlError('needs-answer', 'which service it is for has to be said', {
        hints: ["name it with --service; 'mtlsctl inspect' lists those that are here"],
      }),
  });
}

async function enrolledServices(directory: string): Promise<readonly string[]> {
  try {
    return await serviceNames(directory);
  } catch (error) {
    if (isMtlsctlError(error, 'not-found')) return [];
    throw error;
  }
}

/** Configuration may be written before there are certificates; who reads it should know. */
async function warnIfMissing(context: CommandContext, service: string, output?: Template['output']): Promise<void> {
  if (service === '') return;
  const missing = missingFile(context.directory, service, output);
  if (missing === undefined) return;
  const stored = output === undefined ? undefined : await storedSettings(context, service);
  // The flag says all further files: those that are made already have to be named again.
  const outputs = output === undefined ? [] : [...new Set([...(stored?.outputs ?? []), output])];
  const command = ['mtlsctl enroll', service, ...outputs.map(kind => `--output ${kind}`)].join(' ');
  const setting = `, or write 'outputs: [${outputs.join(', ')}]' into service.yaml and run 'mtlsctl renew ${service}'`;
  context.warn(`there is no ${missing} yet: run '${command}'${stored === undefined ? '' : setting}`);
}

async function storedSettings({ directory }: CommandContext, service: string): Promise<ServiceFile | undefined> {
  try {
    return await readServiceSettings(servicePaths(directory, service));
  } catch (error) {
    // What is wrong with service.yaml is told by those who enrol and renew.
    if (isMtlsctlError(error)) return undefined;
    throw error;
  }
}
