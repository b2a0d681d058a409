import { badValue } from '../options.ts';
import type { Facts } from './facts.ts';
import { render } from './render.ts';
import type { Part, Template } from './template.ts';
import { valuesOf } from './values.ts';

/** One file of a configuration, ready to be written. */
export interface PrintedPart {
  readonly name: string;
  /** Where it goes. */
  readonly file: string;
  readonly text: string;
}

export interface Printed {
  readonly parts: readonly PrintedPart[];
  /** The shell command by which the server reads its files anew. */
  readonly reload: string | undefined;
}

/** Fills in a template, all of it or one part. The same facts give the same text. Throws `bad-value`. */
export function printTemplate(template: Template, facts: Facts, part: string | undefined): Printed {
  const values = valuesOf(template, facts);
  const { reload } = values;
  const chosen = part === undefined ? template.parts : [partNamed(template, part)];
  return {
    parts: chosen.map(({ file, format, name, text }) => ({
      name,
      file: render(file, 'name', values),
      text: withoutGaps(render(text, format, values)),
    })),
    reload: typeof reload === 'string' ? reload : undefined,
  };
}

function partNamed(template: Template, name: string): Part {
  const found = template.parts.find(part => part.name === name);
  if (found !== undefined) return found;
  const known = template.parts.map(part => part.name).join(', ');
  throw badValue(name, '--part', `expected one of ${known}`);
}

/** What is left out can leave empty lines behind. */
function withoutGaps(text: string): string {
  return `${text.replace(/\n{3,}/g, '\n\n').trim()}\n`;
}

/** The parts one after the other, each under a line that says where it goes; one alone without that. */
export function printedText({ parts }: Printed, template: Template): string {
  if (parts.length === 1) return parts.map(part => part.text).join('');
  return parts.map(part => `${separator(part, template)}${part.text}`).join('\n');
}

function separator({ file, name }: PrintedPart, template: Template): string {
  const comment = template.parts.find(part => part.name === name)?.comment ?? '#';
  return `${comment} ======== ${file} (--part ${name}) ========\n`;
}
