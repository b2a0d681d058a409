import type { YamlEntry, YamlValue } from './yaml.ts';

/**
 * The form that encodeYaml() gives to values and lists of plain text, which is that of nearly all service.yaml: nothing in it can mean anything else to
 * YAML than what stands there. Undefined for all other text, which is for the package: that takes fifty times as long, and reading a directory of a
 * thousand services means reading a thousand such files.
 */
export function parsePlainYaml(text: string): YamlValue | undefined {
  if (text.length > longest || !text.endsWith('\n')) return undefined;
  const entries = new Map<string, YamlEntry>();
  const lines = text.slice(0, -1).split('\n');
  for (let at = 0; at < lines.length;) {
    const [, key, value] = entryLine.exec(lines[at] ?? '') ?? [];
    if (key === undefined || entries.has(key)) return undefined;
    const line = at + 1;
    at += 1;
    if (value !== undefined) {
      entries.set(key, { line, value: { kind: 'text', line, text: value } });
      continue;
    }
    const items: YamlValue[] = [];
    for (let item = itemLine.exec(lines[at] ?? ''); item?.[1] !== undefined; item = itemLine.exec(lines[at] ?? '')) {
      at += 1;
      items.push({ kind: 'text', line: at, text: item[1] });
    }
    if (items.length === 0) return undefined;
    entries.set(key, { line, value: { kind: 'list', line: line + 1, items } });
  }
  return { kind: 'map', line: 1, entries };
}

const longest = 1 << 14;

/** YAML 1.2.2, 10.3.2: what stands for no value where it is not in quotes. */
export const nullForm = /^(?:null|Null|NULL|~)$/;

/** No character that YAML gives a meaning to in the place where it stands, and no space at the end. */
const plain = '(?!(?:null|Null|NULL)$)[A-Za-z0-9](?:[A-Za-z0-9 ._/@+-]*[A-Za-z0-9._/@+-])?(?::[A-Za-z0-9._/@+-]+)*';
const entryLine = new RegExp(`^((?!(?:null|Null|NULL):)[A-Za-z][A-Za-z0-9]*):(?: (${plain}))?$`);
const itemLine = new RegExp(`^  - (${plain})$`);
