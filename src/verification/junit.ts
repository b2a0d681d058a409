import { printable } from '../printable.ts';
import type { Result, ToldReason } from './report.ts';

/**
 * The results as JUnit XML, one test case a target, as CI systems read it. There are no times in it, so that the same outcome is the same file.
 */
export function junitReport(results: readonly Result[]): string {
  const failures = results.filter(({ error, valid }) => error === undefined && !valid).length;
  const errors = results.filter(({ error }) => error !== undefined).length;
  const counts = `tests="${results.length}" failures="${failures}" errors="${errors}"`;
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites ${counts}>`,
    `  <testsuite name="mtlsctl verify-chain" ${counts} skipped="0">`,
    ...results.map(testCase),
    '  </testsuite>',
    '</testsuites>',
    '',
  ].join('\n');
}

function testCase(result: Result): string {
  const content = caseContent(result);
  const head = `    <testcase classname="mtlsctl.verify-chain" name="${escaped(result.target)}"`;
  return content === '' ? `${head}/>` : `${head}>\n${content}    </testcase>`;
}

function caseContent({ error, reasons, valid, warnings }: Result): string {
  if (error !== undefined) return element('error', error.code, error.message, [error.message, ...error.hints]);
  const [first] = reasons;
  const message = first?.message ?? 'no chain to a trust anchor';
  const failure = valid
    ? ''
    : element(
        'failure',
        first?.code ?? 'refused',
        message,
        reasons.flatMap(reason => [told(reason), reason.advice]),
      );
  const warned = warnings.map(reason => `warning: ${told(reason)}`);
  return failure + (warned.length === 0 ? '' : `      <system-out>${escaped(warned.join('\n'))}</system-out>\n`);
}

function element(name: string, type: string, message: string, lines: readonly string[]): string {
  const text = lines.map(printable).join('\n');
  return `      <${name} type="${type}" message="${escaped(printable(message))}">${escaped(text)}</${name}>\n`;
}

function told({ code, message, source }: ToldReason): string {
  return `${message} [${code}; ${source}]`;
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Text for an attribute or an element. What XML can't hold even as an entity (XML 1.0, 2.2) is escaped as on a terminal. */
function escaped(text: string): string {
  return text
    .split('\n')
    .map(line => printable(line).replace(/[&<>"']/g, character => entities[character] ?? ''))
    .join('\n');
}
