import {
  CST,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  type ParsedNode,
  parseDocument,
  type Scalar,
  visit,
} from 'yaml';
import { MtlsctlError } from '../errors.ts';
import { printable } from '../printable.ts';
import { nullForm, parsePlainYaml } from './plain-yaml.ts';

/** A value of a YAML file with the line on which it begins. Scalars are text: what a value means is decided by the key it stands under. */
export type YamlValue =
  | { readonly kind: 'text'; readonly line: number; readonly text: string }
  | { readonly kind: 'list'; readonly line: number; readonly items: readonly YamlValue[] }
  | { readonly kind: 'map'; readonly line: number; readonly entries: ReadonlyMap<string, YamlEntry> };

export interface YamlEntry {
  readonly line: number;
  readonly value: YamlValue;
}

/** mtlsctl.yaml and service.yaml are written by hand or by us; a megabyte is a mistake. */
const defaultLimit = 1 << 20;
/** Far above what any of our files needs. The package recurses, and deep flow collections exhaust the memory of the regular expressions it builds. */
const maxDepth = 32;
/** A token is some three octets at the least, and the package takes some 300 for each: a file of brackets and commas would take a hundred times its size. */
const octetsPerToken = 8;
const maxIndentation = 100;

/**
 * Reads one YAML 1.2 document as a tree of text, lists and maps. Throws `config-invalid` naming file and line: syntax errors, duplicate
 * keys (both lines), tags, anchors and aliases, several documents, too deep; `too-large` where it is longer than `limit`, or has more tokens
 * and lines than an eighth of that. An empty document is an empty map.
 */
export function parseYaml(text: string, source: string, limit = defaultLimit): YamlValue {
  if (text.length > limit) throw tooLarge(`${printable(source)} is larger than ${limit} octets`);
  return parsePlainYaml(text) ?? parseWholeYaml(text, source, limit);
}

/** Everything that parseYaml() takes, by the package. */
export function parseWholeYaml(text: string, source: string, limit = defaultLimit): YamlValue {
  checkTokens(text, source, Math.floor(limit / octetsPerToken));
  const lines = new LineCounter();
  // Scalars stay text (failsafe): `no` is no boolean and 1e3 no number. Duplicate keys are found below, in linear time and with both lines.
  const document = parseDocument(text, {
    schema: 'failsafe',
    uniqueKeys: false,
    merge: false,
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error',
  });
  const at = (offset: number): number => Math.max(1, lines.linePos(offset).line);
  const [problem] = [...document.errors, ...document.warnings];
  if (problem !== undefined) throw invalid(source, at(problem.pos[0]), plainMessage(problem.code, problem.message));
  refuseReferences(document.contents, source, at);
  if (document.contents === null) return { kind: 'map', line: 1, entries: new Map() };
  return convert(document.contents, source, at);
}

/** The text of a file. Throws `config-invalid` where it is not UTF-8: a hook with another letter in it is another hook. */
export function utf8Text(file: Uint8Array, source: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(file);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw invalid(source, 1, 'it is not UTF-8', { hints: [`iconv -f utf-8 -t utf-8 ${source} >/dev/null`] });
  }
}

/** The error of everything that is wrong in a configuration file. */
export function invalid(
  source: string,
  line: number,
  message: string,
  facts: { readonly hints?: readonly string[]; readonly key?: string } = {},
): MtlsctlError {
  const { hints = [`edit ${source}, line ${line}`], ...details } = facts;
  return new MtlsctlError('config-invalid', `${printable(source)}:${line}: ${message}`, {
    hints,
    details: { file: source, line, ...details },
  });
}

function plainMessage(code: string, message: string): string {
  if (code === 'MULTIPLE_DOCS') return 'more than one YAML document';
  if (code === 'TAG_RESOLVE_FAILED') return 'YAML tags are not allowed';
  return printable(message.split('\n')[0] ?? message).replace(/^[A-Z]/, letter => letter.toLowerCase());
}

function tooLarge(message: string): MtlsctlError {
  return new MtlsctlError('too-large', message, { hints: ['split it into several files'] });
}

/** The number of tokens, and the depth of nesting, before anything is made of them or recurses over them. */
function checkTokens(text: string, source: string, most: number): void {
  let count = 0;
  let line = 1;
  let flow = 0;
  let indicators = 0;
  let atLineStart = true;
  for (const token of new Lexer().lex(text)) {
    const type = CST.tokenType(token);
    if (type === 'flow-map-start' || type === 'flow-seq-start') flow += 1;
    if (type === 'flow-map-end' || type === 'flow-seq-end') flow -= 1;
    if (flow === 0 && (type === 'seq-item-ind' || type === 'explicit-key-ind' || type === 'map-value-ind'))
      indicators += 1;
    const indentation = atLineStart && type === 'space' ? token.length : 0;
    if (flow > maxDepth || indicators > maxDepth || indentation > maxIndentation) {
      throw invalid(source, line, 'nested too deeply');
    }
    atLineStart = type === 'newline';
    if (atLineStart) indicators = 0;
    line += newlines(token);
    count += 1;
    if (count + line > most) throw tooLarge(`${printable(source)}:${line}: more than ${most} YAML tokens and lines`);
  }
}

function newlines(token: string): number {
  let count = 0;
  for (let at = token.indexOf('\n'); at >= 0; at = token.indexOf('\n', at + 1)) count += 1;
  return count;
}

/** Aliases multiply what a small file holds, and none of our files needs them. */
function refuseReferences(contents: ParsedNode | null, source: string, at: (offset: number) => number): void {
  visit(contents, {
    Alias: (_, node) => {
      throw invalid(source, at(node.range?.[0] ?? 0), 'YAML aliases are not allowed');
    },
    Value: (_, node) => {
      if (node.anchor !== undefined) throw invalid(source, at(node.range?.[0] ?? 0), 'YAML anchors are not allowed');
    },
  });
}

function convert(node: Node, source: string, at: (offset: number) => number): YamlValue {
  const line = at(node.range?.[0] ?? 0);
  if (isScalar(node)) return { kind: 'text', line, text: textOf(node) };
  if (isSeq(node)) return { kind: 'list', line, items: node.items.map(item => convert(item as Node, source, at)) };
  if (!isMap(node)) throw invalid(source, line, 'neither a value, a list nor a map');
  const entries = new Map<string, YamlEntry>();
  for (const pair of node.items) {
    const key = pair.key as Node;
    const keyLine = at(key.range?.[0] ?? 0);
    if (!isScalar(key) || typeof key.value !== 'string') throw invalid(source, keyLine, 'a key must be plain text');
    if (isNull(key)) throw invalid(source, keyLine, `the key '${key.value}' is no text in YAML unless it is in quotes`);
    const before = entries.get(key.value);
    if (before !== undefined) {
      throw invalid(
        source,
        keyLine,
        `key '${printable(key.value)}' is here a second time; the first is on line ${before.line}`,
      );
    }
    const value: YamlValue = pair.value
      ? convert(pair.value as Node, source, at)
      : { kind: 'text', line: keyLine, text: '' };
    entries.set(key.value, { line: keyLine, value });
  }
  return { kind: 'map', line, entries };
}

/** Nothing for what YAML takes for nothing, however it is written: a `null` that were a name would be a surprise. */
function textOf(node: Scalar): string {
  return typeof node.value === 'string' && !isNull(node) ? node.value : '';
}

function isNull({ type, value }: Scalar): boolean {
  return type === 'PLAIN' && typeof value === 'string' && nullForm.test(value);
}
