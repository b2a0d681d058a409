import { authorityNames } from '../authority/authority.ts';
import { readConfig } from '../authority/configuration.ts';
import { type CrlKind, type RebuiltCrl, rebuildCrls } from '../authority/rebuild-crls.ts';
import type { Repair } from '../authority/repair-crls.ts';
import { MtlsctlError } from '../errors.ts';
import { parseCount, parseDuration } from '../options.ts';
import { printable } from '../printable.ts';
import { askFor, chooseFrom, parseGiven } from './ask.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { checkOut, type CrlOut, writeOut } from './crl-out.ts';
import { crlDocument, crlSchema } from './crl-report.ts';
import { oneCaPassphrase } from './enrolment-options.ts';
import { sayFailures, statusOfFailures } from './failures.ts';

/** `crl`, `crl --series`, `crl --delta`. */
export async function signWay(
  context: CommandContext,
  named: readonly string[],
  given: OptionValues,
): Promise<Outcome> {
  const { directory, system } = context;
  const options = await withSeries(context, given);
  const kind = kindOf(options);
  const out = outOf(options);
  const authorities = isOfOne(out) && named.length !== 1 ? [await chooseOne(context, named)] : named;
  if (out !== undefined) await checkOut(out);
  const passphrase = oneCaPassphrase(context, options);
  const { rebuilt, repair } = await rebuildCrls({
    ...{ directory, authorities, kind, passphrase, acceptClock: context.yes },
    config: await readConfig(directory),
    validity: options['validity'] as number | undefined,
    now: system.now(),
  });
  const files = out === undefined ? [] : await writeOut(out, rebuilt);
  tellOf(repair, context);
  for (const name of endedWithAuthority(rebuilt, options['validity'] as number | undefined))
    context.warn(`${name}: the CRL ends with the authority, before the --validity asked for`);
  for (const each of rebuilt) {
    if (each.status === 'skipped')
      context.warn(`${each.name}: not signed, and its CRL has long enough left: ${each.error.message}`);
  }
  const failures = rebuilt.flatMap(each => (each.status === 'failed' ? [each] : []));
  sayFailures(context, failures);
  return {
    status: statusOfFailures(
      rebuilt.some(({ status }) => status === 'published'),
      failures,
    ),
    document: { schema: crlSchema, crls: rebuilt.flatMap(rebuiltDocuments), ...(files.length > 0 && { files }) },
    text: () => rebuilt.map(rebuiltText).join(''),
  };
}

export function parseSeries(text: string): number {
  return parseCount(text, '--series', { minimum: 1, maximum: 1000 });
}

function kindOf(options: OptionValues): CrlKind {
  const count = options['series'] as number | undefined;
  const every = options['every'] as number | undefined;
  if (options['delta'] === true && count !== undefined)
    throw new MtlsctlError('usage', '--delta and --series exclude each other');
  if (options['delta'] === true) return { kind: 'delta' };
  if (count === undefined && every === undefined) return { kind: 'complete' };
  if (count === undefined || every === undefined) throw notTogether();
  if (options['out'] === undefined) throw seriesWithoutOut();
  return { kind: 'series', count, every };
}

/** The flags, and those without which a series can't be. */
async function withSeries(context: CommandContext, options: OptionValues): Promise<OptionValues> {
  const { series, every, out, delta } = options;
  if (delta === true || (series === undefined && every === undefined)) return options;
  return {
    ...options,
    series:
      series ??
      (await askFor(context, {
        question: 'how many CRLs, one after the other?',
        parse: parseSeries,
        refusal: notTogether,
      })),
    every:
      every ??
      (await askFor(context, {
        question: 'how long from one CRL to the next? (30d, 12h)',
        parse: text => parseDuration(text, '--every'),
        refusal: notTogether,
      })),
    out:
      out ??
      (await askFor(context, {
        question: 'the directory to write the CRLs to',
        parse: parseGiven,
        refusal: seriesWithoutOut,
      })),
  };
}

function notTogether(): MtlsctlError {
  return new MtlsctlError('usage', '--series and --every go together', {
    hints: ['add the other: --series 12 --every 30d'],
  });
}

function seriesWithoutOut(): MtlsctlError {
  return new MtlsctlError('usage', '--series goes with --out <directory>: the CRLs are to be carried', {
    hints: ['add --out <directory>'],
  });
}

function outOf(options: OptionValues): CrlOut | undefined {
  const path = options['out'] as string | undefined;
  if (path === undefined && options['der'] === true) throw new MtlsctlError('usage', '--der goes with --out <file>');
  if (path === undefined) return undefined;
  const isSeries = options['series'] !== undefined;
  const isDer = options['der'] === true || (!isSeries && /\.(?:crl|der)$/i.test(path));
  return { path, isSeries, isDer };
}

/** The authorities whose end came before that of the CRL asked for. */
function endedWithAuthority(rebuilt: readonly RebuiltCrl[], validity: number | undefined): readonly string[] {
  return rebuilt
    .filter(each => each.status === 'published')
    .filter(({ publications }) => publications.some(crl => crl.nextUpdate - crl.thisUpdate < (validity ?? 0)))
    .map(each => each.name);
}

function isOfOne(out: CrlOut | undefined): boolean {
  return out?.isDer === true && !out.isSeries;
}

function chooseOne(context: CommandContext, named: readonly string[]): Promise<string> {
  return chooseFrom(context, {
    question: "a file of DER holds one CRL; which authority's?",
    choices: () => (named.length > 0 ? named : authorityNames(context.directory)),
    refusal: () =>
      new MtlsctlError('usage', 'a file of DER holds one CRL: name the authority', {
        hints: ['name one authority, or let --out end in .pem'],
      }),
  });
}

function tellOf({ wasDamaged, dropped, missing }: Repair, context: CommandContext): void {
  if (wasDamaged) context.warn('crl.pem was damaged: what had been imported into it has to be imported again');
  for (const issuer of missing)
    context.warn(
      `crl.pem has no CRL of ${printable(issuer)}, without which servers refuse: mtlsctl crl --import <file>`,
    );
  for (const issuer of dropped)
    context.warn(`left out of crl.pem: a CRL of ${issuer}, which nobody known here has signed`);
}

function rebuiltDocuments(each: RebuiltCrl): readonly object[] {
  if (each.status === 'published')
    return each.publications.map(publication => ({ ...crlDocument(each.name, publication), status: each.status }));
  const { code, message, hints } = each.error;
  return [{ authority: each.name, status: each.status, error: { code, message, hints } }];
}

function rebuiltText(each: RebuiltCrl): string {
  if (each.status !== 'published') return each.status === 'skipped' ? '' : `${each.name}: failed\n`;
  return each.publications
    .map(publication => crlDocument(each.name, publication))
    .map(crl => {
      const kind = crl.base === undefined ? 'CRL' : 'delta CRL';
      const what = crl.base === undefined ? `${crl.entries} revoked` : `${crl.entries} changes since CRL ${crl.base}`;
      const from = each.publications.length === 1 ? '' : `from ${crl.thisUpdate}, `;
      return `${each.name}: ${kind} ${crl.number}, ${from}${what}, next due ${crl.nextUpdate}\n`;
    })
    .join('');
}
