import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { catalogue, templateNamed } from '../../src/templates/catalogue.ts';
import { gatherFacts, type TemplateOrder } from '../../src/templates/facts.ts';
import { type Printed, printTemplate } from '../../src/templates/print.ts';
import { main } from '../../src/main.ts';
import { fakeSystem } from '../fake-system.ts';
import { temporaryDirectory } from '../temporary.ts';

const directory = temporaryDirectory();
const names = Object.keys(catalogue);

async function print(name: string, order: Partial<TemplateOrder> = {}): Promise<Printed> {
  const template = templateNamed(name);
  const nothing = { peer: undefined, listen: undefined, upstream: undefined, connect: undefined, program: undefined };
  const service = template.takes.includes('service') ? 'user-svc' : undefined;
  const base = {
    ...nothing,
    directory: directory(),
    caPassphraseFile: undefined,
    metricsFile: undefined,
    hooks: [],
    service,
  };
  return printTemplate(template, await gatherFacts(template, { ...base, ...order }), undefined);
}

function allow(callers: readonly string[]): void {
  writeFileSync(join(directory(), 'mtlsctl.yaml'), `allow: { user-svc: [${callers.join(', ')}] }\n`);
}

describe.each(names)('template %s', name => {
  const template = templateNamed(name);

  it.each([
    ['without an allow-list', undefined],
    ['with one', ['api-gateway', 'search-svc']],
    ['with an empty one', []],
  ])('fills in every placeholder %s', async (_, callers) => {
    if (callers !== undefined) allow(callers);
    for (const order of [{}, { hooks: ['systemctl reload x'], caPassphraseFile: '/etc/pass' }]) {
      for (const part of (await print(name, order)).parts) {
        expect(part.text).not.toMatch(/@[?!]?[a-zA-Z]\w*(?:\.\w+)?(?:\|\w+)?@/);
        expect(part.text).not.toMatch(/[ \t]$|\t(?! )\n|\n{3}/m);
        expect(part.text.endsWith('\n')).toBe(true);
      }
    }
  });

  it('begins each text with what to do with it, and names the command that reloads', async () => {
    const { parts, reload } = await print(name);
    for (const part of parts) {
      const comment = template.parts.find(each => each.name === part.name)?.comment ?? '';
      const head = part.text.split('\n').findIndex(line => !line.startsWith(comment));
      const header = part.text.split('\n').slice(0, head).join('\n');
      expect(header).toContain('What to do: ');
      expect(header).toContain(`'mtlsctl template ${name}'`);
      if (reload !== undefined) expect(header).toContain(reload);
    }
  });

  it('prints the same twice', async () => {
    allow(['search-svc', 'api-gateway']);
    const first = await print(name);
    expect(await print(name)).toEqual(first);
    allow(['api-gateway', 'search-svc']);
    expect(await print(name)).toEqual(first);
  });

  it('refuses a directory whose name ends a line', async () => {
    const odd = fakeSystem({ args: ['template', name, '--dir', `${directory()}/a\nb`, '--service', 'user-svc'] });
    const other = fakeSystem({ args: ['template', name, '--dir', `${directory()}/a\nb`] });
    const system = template.takes.includes('service') ? odd : other;
    const status = await main(system);
    if (status === 0) expect(system.output()).not.toContain(directory());
    else expect(system.errors()).toContain('[bad-value]');
  });
});

describe.each(names.filter(name => templateNamed(name).enforcesAllow))('template %s', name => {
  it('names the callers of the allow-list, and no others', async () => {
    const text = ({ parts }: Printed): string => parts.map(part => part.text).join('');
    expect(text(await print(name))).not.toContain('api-gateway');
    allow(['api-gateway']);
    expect(text(await print(name))).toContain('api-gateway');
    expect(text(await print(name))).not.toContain('search-svc');
  });
});

describe.each(names.filter(name => templateNamed(name).takes.includes('service')))('template %s', name => {
  it('says what becomes of revoked certificates', async () => {
    const template = templateNamed(name);
    const text = (await print(name)).parts.map(part => part.text).join('');
    if (template.checksCrl === true) expect(text).toContain(join(directory(), 'crl.pem'));
    else expect(text).toMatch(/no CRLs?/);
  });
});

it('docker compose gets directories only, and dollars that are no variables', async () => {
  const [part] = (await print('docker-compose', { directory: '/a $b "c"' })).parts;
  const { parse } = await import('yaml');
  const { services } = parse(part?.text ?? '') as { services: Record<string, { volumes: readonly object[] }> };
  expect(services['user-svc']?.volumes).toMatchObject([
    { type: 'bind', source: '/a $$b "c"/user-svc', target: '/etc/link-certs/user-svc', read_only: true },
  ]);
});
