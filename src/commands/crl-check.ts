import { type CheckedCrl, checkCrls } from '../authority/check-crls.ts';
import { formatDuration, formatInstant } from '../options.ts';
import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import type { CommandContext, OptionValues, Outcome } from './command.ts';
import { crlSchema } from './crl-report.ts';

/** Hourly runs have failed five times in a row when a CRL of a day has so little left. */
const defaultMinRemaining = 6 * 3_600_000;

/** `crl --check`: for monitoring. */
export async function checkWay(
  { directory, system }: CommandContext,
  authorities: readonly string[],
  options: OptionValues,
): Promise<Outcome> {
  const now = system.now();
  const minRemaining = (options['minRemaining'] as number | undefined) ?? defaultMinRemaining;
  const checked = await checkCrls({ directory, authorities, minRemaining, now });
  const isGood = checked.length > 0 && checked.every(({ problems }) => problems.length === 0);
  return {
    status: isGood ? 0 : 1,
    document: { schema: crlSchema, good: isGood, crls: checked.map(each => checkedDocument(each, now)) },
    text: paint => (checked.length === 0 ? `there is no CRL in ${directory}\n` : checkText(checked, now, paint)),
  };
}

function checkedDocument(checked: CheckedCrl, now: number) {
  const { authority = null, issuer, file, number = null, thisUpdate, nextUpdate, problems } = checked;
  return {
    ...{ authority, issuer, file, number },
    thisUpdate: thisUpdate === undefined ? null : formatInstant(thisUpdate),
    nextUpdate: nextUpdate === undefined ? null : formatInstant(nextUpdate),
    remainingSeconds: nextUpdate === undefined ? null : Math.floor((nextUpdate - now) / 1000),
    good: problems.length === 0,
    reasons: problems,
  };
}

/** One line for what is wrong in each file; of an authority whose files are all good, one line. */
function checkText(checked: readonly CheckedCrl[], now: number, paint: Paint): string {
  const names = [...new Set(checked.map(nameOf))];
  const lines = names.flatMap(name => {
    const own = checked.filter(each => nameOf(each) === name);
    const bad = own.flatMap(({ file, problems }) =>
      problems.map(
        ({ code, message }) =>
          `${printable(name)}: ${paint(code, 'red')}: ${message.includes(file) ? '' : `${file}: `}${printable(message)}`,
      ),
    );
    return bad.length > 0 ? bad : own.slice(0, 1).map(each => goodLine(name, each, now, paint));
  });
  return lines.map(line => `${line}\n`).join('');
}

function nameOf({ authority, issuer }: CheckedCrl): string {
  return authority ?? issuer;
}

function goodLine(name: string, { number, nextUpdate = 0 }: CheckedCrl, now: number, paint: Paint): string {
  const left = formatDuration(nextUpdate - now);
  return `${printable(name)}: ${paint('good', 'green')}, CRL ${number ?? '?'}, until ${formatInstant(nextUpdate)} (${left} left)`;
}
