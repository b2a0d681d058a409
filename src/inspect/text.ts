import { printable } from '../printable.ts';
import type { Paint } from '../system.ts';
import type { Facts, Value } from '../x509/describe.ts';
import { extensionLines } from './extension-text.ts';
import { asText, isFacts } from './facts.ts';
import { span } from '../status/validity.ts';

/** A document as a person reads it. Whatever came from the input goes through `printable`, so that it can't control a terminal. */
export function itemText(facts: Facts, paint: Paint): string {
  const lines = [heading(facts, paint), ...fieldLines(facts, paint)];
  return `${lines.join('\n')}\n`;
}

/** One line or a few: what it is, whose, by whom, until when. */
export function shortText(facts: Facts, paint: Paint): string {
  const lines = [
    `${heading(facts, paint)}${shortKey(facts)}`,
    ...field('subject', facts['subject']),
    ...field('names', nameList(facts)),
    ...field('issuer', facts['issuer']),
    ...field('serialNumber', facts['serial']),
    ...validityLines(facts, paint),
    ...field('encryption', encryptionText(facts['encryption'])),
    ...field('sha256', facts['sha256']),
    ...problemLines(facts, paint),
  ];
  return `${lines.join('\n')}\n`;
}

function encryptionText(encryption: Value | undefined): string | undefined {
  if (!isFacts(encryption)) return undefined;
  return Object.entries(encryption)
    .map(([name, value]) => (typeof value === 'number' ? `${name} ${value}` : asText(value)))
    .join(', ');
}

/** `cert.pem: certificate 1 of 2`. */
function heading(facts: Facts, paint: Paint): string {
  const chain = facts['chain'];
  const place = isFacts(chain) ? ` ${asText(chain['position'])} of ${asText(chain['length'])}` : '';
  const label =
    facts['kind'] === 'unknown' && facts['label'] !== undefined ? `, labelled ${asText(facts['label'])}` : '';
  const kind = facts['encrypted'] === true ? 'encrypted private key' : asText(facts['kind']);
  return `${printable(asText(facts['target']))}: ${paint(`${kind}${place}`, 'bold')}${printable(label)}`;
}

function shortKey(facts: Facts): string {
  const type = isFacts(facts['subjectPublicKeyInfo']) ? facts['subjectPublicKeyInfo']['type'] : facts['type'];
  return type === undefined ? '' : `, ${printable(asText(type))}`;
}

function nameList(facts: Facts): string | undefined {
  const extensions = facts['extensions'];
  const names = isFacts(extensions) ? extensions['subjectAltName'] : undefined;
  const lines = isFacts(names) && Array.isArray(names['value']) ? extensionLines('subjectAltName', names['value']) : [];
  return lines.length === 0
    ? undefined
    : lines.slice(0, maximumShortNames).join(', ') + more(lines.length, maximumShortNames);
}

const maximumShortNames = 10;

function more(count: number, shown: number): string {
  return count > shown ? `, … ${count - shown} more` : '';
}

/** In the order of RFC 5280, 4.1 and 5.1. */
function fieldLines(facts: Facts, paint: Paint): readonly string[] {
  return [
    ...field('version', facts['version']),
    ...field('serialNumber', facts['serial']),
    ...field('signatureAlgorithm', facts['signatureAlgorithm']),
    ...field('tbsSignatureAlgorithm', facts['tbsSignatureAlgorithm']),
    ...field('issuer', facts['issuer']),
    ...validityLines(facts, paint),
    ...field('subject', facts['subject']),
    ...encryptionLines(facts),
    ...publicKeyLines(facts['subjectPublicKeyInfo']),
    ...field('issuerUniqueID', facts['issuerUniqueID']),
    ...field('subjectUniqueID', facts['subjectUniqueID']),
    ...attributeLines(facts['attributes']),
    ...allExtensionLines(facts['extensions'], '  ', paint),
    ...revokedLines(facts),
    ...field('size', facts['octets'] === undefined ? undefined : `${asText(facts['octets'])} octets`),
    ...field('sha256', facts['sha256']),
    ...problemLines(facts, paint),
  ];
}

const labelWidth = 'subjectPublicKeyInfo: '.length;
const maximumLine = 4096;

function field(name: string, value: Value | undefined, indent = '  '): readonly string[] {
  if (value === undefined) return [];
  return [`${indent}${`${name}:`.padEnd(labelWidth - indent.length + 2)}${cut(asText(value))}`];
}

function cut(value: string): string {
  const shown = value.length > maximumLine ? `${value.slice(0, maximumLine)}… (${value.length} characters)` : value;
  return printable(shown);
}

function validityLines(facts: Facts, paint: Paint): readonly string[] {
  const { state, remainingSeconds } = facts;
  const until = typeof remainingSeconds === 'number' ? remainingText(state, remainingSeconds) : '';
  const colour = state === 'valid' ? 'green' : 'red';
  const note = until === '' ? '' : ` ${paint(`(${until})`, colour)}`;
  const from = state === 'not yet valid' ? ` ${paint('(not yet valid)', 'red')}` : '';
  const lines = [
    ...field('notBefore', facts['notBefore']).map(line => line + from),
    ...field('notAfter', facts['notAfter']).map(line => line + note),
    ...field('thisUpdate', facts['thisUpdate']).map(line => line + from),
    ...field('nextUpdate', facts['nextUpdate']).map(line => line + note),
  ];
  return facts['thisUpdate'] !== undefined && facts['nextUpdate'] === undefined
    ? [...lines, ...field('nextUpdate', 'absent')]
    : lines;
}

function remainingText(state: Value | undefined, seconds: number): string {
  return state === 'expired' ? `expired ${span(seconds)} ago` : `expires in ${span(seconds)}`;
}

function encryptionLines(facts: Facts): readonly string[] {
  const { encryption } = facts;
  const lines = [
    ...field('format', facts['format']),
    ...(isFacts(facts['subjectPublicKeyInfo']) ? [] : field('type', facts['type'])),
  ];
  if (!isFacts(encryption)) return lines;
  return [
    ...lines,
    '  encryption:',
    ...Object.entries(encryption).flatMap(([name, value]) => field(name, value, '    ')),
  ];
}

function publicKeyLines(key: Value | undefined): readonly string[] {
  if (!isFacts(key)) return [];
  const { type, algorithm } = key;
  return [
    ...field('subjectPublicKeyInfo', type ?? algorithm),
    ...field('algorithm', algorithm, '    '),
    ...field('publicExponent', key['publicExponent'], '    '),
    ...field('keyIdentifier', key['keyIdentifier'], '    '),
    ...field('sha256', key['sha256'], '    '),
    ...field('malformed', key['problem'], '    '),
  ];
}

function attributeLines(attributes: Value | undefined): readonly string[] {
  if (!isFacts(attributes) || Object.keys(attributes).length === 0) return [];
  return [
    '  attributes:',
    ...Object.entries(attributes).flatMap(([name, values]) => field(name, listText(values), '    ')),
  ];
}

function listText(values: Value | undefined): string {
  return Array.isArray(values) ? (values as readonly Value[]).map(asText).join(', ') : asText(values);
}

function allExtensionLines(extensions: Value | undefined, indent: string, paint: Paint): readonly string[] {
  if (!isFacts(extensions) || Object.keys(extensions).length === 0) return [];
  return [
    `${indent}extensions:`,
    ...Object.entries(extensions).flatMap(([name, extension]) =>
      isFacts(extension) ? oneExtension(name, extension, `${indent}  `, paint) : [],
    ),
  ];
}

/** In one line where there is one value, otherwise a line for each. */
function oneExtension(name: string, extension: Facts, indent: string, paint: Paint): readonly string[] {
  const head = `${indent}${printable(name)}${extension['critical'] === true ? ' (critical)' : ''}:`;
  if (extension['problem'] !== undefined) {
    const malformed = paint(`malformed: ${cut(asText(extension['problem']))}`, 'red');
    return [`${head} ${malformed}`, `${indent}  ${hexText(extension)}`];
  }
  if (extension['value'] === undefined) return [`${head} ${hexText(extension)}`];
  const lines = extensionLines(name, extension['value']).map(cut);
  const [only] = lines;
  if (only !== undefined && lines.length === 1) return [`${head} ${only}`];
  return [head, ...lines.map(line => `${indent}  ${line}`)];
}

const maximumHex = 128;

function hexText(extension: Facts): string {
  const hex = asText(extension['hex']);
  return hex.length > maximumHex ? `${hex.slice(0, maximumHex)}… (${asText(extension['octets'])} octets)` : hex;
}

function revokedLines(facts: Facts): readonly string[] {
  const entries = facts['revokedCertificates'];
  if (!Array.isArray(entries)) return [];
  const count = Number(facts['revokedCount']);
  if (count === 0) return field('revokedCertificates', 'none');
  const rest = count > entries.length ? [`    … ${count - entries.length} more (--all lists them)`] : [];
  return [...field('revokedCertificates', count), ...(entries as readonly Facts[]).map(entryLine), ...rest];
}

function entryLine(entry: Facts): string {
  const extensions = isFacts(entry['extensions']) ? entry['extensions'] : {};
  const parts = Object.entries(extensions).map(([name, extension]) => {
    const lines =
      isFacts(extension) && extension['value'] !== undefined ? extensionLines(name, extension['value']) : [name];
    return name === 'reasonCode' ? lines.join(', ') : `${name} ${lines.join(', ')}`;
  });
  return cut([`    ${asText(entry['serial'])}`, asText(entry['revocationDate']), ...parts].join('  '));
}

function problemLines(facts: Facts, paint: Paint): readonly string[] {
  const { error, problem } = facts;
  const message = isFacts(error) ? error['message'] : problem;
  return message === undefined ? [] : [`  ${paint(`malformed: ${cut(asText(message))}`, 'red')}`];
}
