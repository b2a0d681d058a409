import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { catalogue } from '../../src/templates/catalogue.ts';
import { gatherFacts } from '../../src/templates/facts.ts';
import { printTemplate } from '../../src/templates/print.ts';
import type { Template } from '../../src/templates/template.ts';

const path = join(import.meta.dirname, '..', '..', 'README.md');
const head =
  '| template | prints | makes the server read new files | revoked clients | allow-list |\n| --- | --- | --- | --- | --- |\n';

it("README.md's table of templates is what the templates say of themselves", async () => {
  const rows = await Promise.all(Object.entries(catalogue).map(([name, template]) => row(name, template)));
  const readme = readFileSync(path, 'utf8');
  const begin = readme.indexOf(head) + head.length;
  const end = readme.indexOf('\n\n', begin) + 1;
  expect(begin).toBeGreaterThan(head.length);
  // As for sessions: what is printed is written, for a person to read over.
  if (process.env['UPDATE_SESSIONS'] === 'true')
    writeFileSync(path, `${readme.slice(0, begin)}${rows.join('')}${readme.slice(end)}`);
  else expect(readme.slice(begin, end)).toBe(rows.join(''));
});

async function row(name: string, template: Template): Promise<string> {
  const facts = await gatherFacts(template, {
    ...{ directory: '/etc/link-certs', service: 'user-svc', peer: undefined, listen: undefined, upstream: undefined },
    ...{ connect: undefined, program: undefined, caPassphraseFile: undefined, metricsFile: undefined, hooks: [] },
  });
  const { reload } = printTemplate(template, facts, undefined);
  const isServer = template.takes.includes('service');
  const revoked = template.checksCrl === true ? 'refused after a reload' : 'no CRLs: the text says what to do instead';
  const allow = template.enforcesAllow === true ? 'enforced' : 'not enforced';
  const cells = [`\`${name}\``, template.summary, reload === undefined ? '' : `\`${reload}\``];
  return `| ${[...cells, ...(isServer ? [revoked, allow] : ['', ''])].join(' | ')} |\n`;
}
