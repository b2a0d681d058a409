import { Document, isScalar, Scalar, visit } from 'yaml';
import { needsEscape, printableYaml } from '../printable-json.ts';

/**
 * Plain values as YAML, for people and scripts; our own files are written by `encodeYaml`. Members that are undefined are left out.
 * The text can't control a terminal: strings that could are in double quotes, and escaped in them.
 */
export function toYaml(value: unknown): string {
  // The package's tree of a long list is many times as large as the list.
  if (Array.isArray(value) && value.length > 1) return value.map(item => toYaml([item])).join('');
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar(_, node) {
      if (isScalar(node) && typeof node.value === 'string' && needsEscape(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return printableYaml(document.toString({ lineWidth: 0 }));
}
