/** The table of settings for `--help`: name, default, what is accepted, what it does. */
import { fieldOf, runConfigKeys, type Field } from '../../src/config/run-config.ts';

const nameWidth = 33;
const textWidth = 92;

function accepted(field: Field): string {
  switch (field.type) {
    case 'integer':
    case 'number':
      return `${field.min} to ${field.max}`;
    case 'boolean':
      return 'true, false';
    case 'choice':
      return field.choices.join(', ');
    case 'list':
      return field.allowed === null ? 'a list' : `a list of ${field.allowed.join(', ')}`;
    case 'text':
      return field.form === 'date' ? 'a day' : 'a text';
    default:
      return field satisfies never;
  }
}

function defaultOf({ default: value, allowed }: Field & { readonly allowed?: unknown }): string {
  if (Array.isArray(value)) return value.length === 0 ? 'none' : allowed === undefined ? 'a list' : 'all';
  return value === '' ? 'none' : String(value);
}

export function settingsHelp(): string {
  return runConfigKeys
    .map(fieldOf)
    .map((field) => {
      const facts = `${accepted(field)}; default ${defaultOf(field)}. ${field.help}`;
      const [first = '', ...rest] = wrapped(facts);
      return [
        `  ${field.file.padEnd(nameWidth - 2)}${first}`,
        ...rest.map((line) => ' '.repeat(nameWidth) + line),
      ];
    })
    .flat()
    .join('\n');
}

function wrapped(text: string): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1];
    if (last === '') lines[lines.length - 1] = word;
    else if (last.length + 1 + word.length > textWidth) lines.push(word);
    else lines[lines.length - 1] = `${last} ${word}`;
  }
  return lines;
}
