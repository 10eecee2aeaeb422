/** The builder's texts: the defaults, and a file of them read with every problem at once. */
import type { Templates } from '../api/builder-api.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { textOf } from '../support/text-of.ts';

export const defaultTemplates: Templates = {
  understanding: 'Okay, so the user is asking: {question}',
  assessHarmful: [
    'This request is harmful because it {reason}.',
    'The request is harmful, since it {reason}.',
    'This is a harmful request: it {reason}.',
  ],
  assessBenign: [
    'This request is not harmful because it can be answered without putting anyone at risk.',
    'The request is harmless, since nobody is hurt by answering it.',
    'This is not a harmful request: it asks for ordinary help.',
  ],
  reasons: {
    'Harassment / Hate / Discrimination': 'demeans or attacks people for who they are',
    'Sexual / Adult': 'asks for sexual content that could exploit or hurt someone',
    'Violence / Physical Harm': 'could lead to people being physically hurt',
    'Self-Harm': 'could lead someone to hurt themselves',
    'Illicit / Criminal Behavior': 'would help with something illegal',
    'Misinformation / Disinformation': 'would spread false claims that mislead people',
    'Privacy / Personal Data': 'would expose or misuse private information about a person',
    'Intellectual Property': 'would break the rights of the people who made the work',
  },
  reasonOther: 'could hurt people or help someone to do wrong',
  stop: 'I should not help with this, so I will stop here and refuse.',
  stopRephrased: [
    'I must not help with this, so I will decline.',
    'Answering would not be right; I should refuse this request.',
    'I will not go into how it is done. I should decline this request politely.',
    'There is no good way to help with this, so I will refuse.',
    'I should not assist with that and will say so in one sentence.',
  ],
  refusals: ["I'm sorry, but I can't help with that."],
  directThought: 'I should not answer this question!',
  primer: "Let's think about safety first",
  pivotSafe: '[SAFE]',
  pivotUnsafe: '[UNSAFE]',
  pivotRethink: '[RETHINK]',
  askModel:
    'Someone asked: "{question}" Is this request harmful? Answer with one sentence that begins with "This request is" and gives the reason.',
};

type Kind = 'text' | 'texts' | 'table';
const kinds: Readonly<Record<keyof Templates, Kind>> = {
  understanding: 'text',
  assessHarmful: 'texts',
  assessBenign: 'texts',
  reasons: 'table',
  reasonOther: 'text',
  stop: 'text',
  stopRephrased: 'texts',
  refusals: 'texts',
  directThought: 'text',
  primer: 'text',
  pivotSafe: 'text',
  pivotUnsafe: 'text',
  pivotRethink: 'text',
  askModel: 'text',
};
const mayBeEmpty: readonly string[] = ['refusals']; // R1-Act's refusals end at </think>

/** Fields that are left out keep their default. @throws TrainerError "config-invalid" with every problem. */
export function parseTemplates(value: unknown): Templates {
  if (!isRecord(value)) throw invalid([`are ${textOf(value)}, not an object`]);
  const problems = Object.entries(value).flatMap(([name, field]) => problemsOf(name, field));
  if (problems.length > 0) throw invalid(problems);
  const merged: Templates = { ...defaultTemplates, ...(value as Partial<Templates>) };
  const unanswerable = [merged.understanding, merged.askModel].filter((text) => !text.includes('{question}'));
  if (unanswerable.length > 0)
    throw invalid(unanswerable.map((text) => `have no {question} in ${textOf(text)}`));
  return merged;
}

function problemsOf(name: string, field: unknown): string[] {
  const kind = (kinds as Readonly<Record<string, Kind | undefined>>)[name];
  const isText = (text: unknown): text is string =>
    typeof text === 'string' && (text.trim() !== '' || mayBeEmpty.includes(name)) && !/<\/?think>/.test(text);
  const wrong = `have "${name}" with ${textOf(field, 80)}`;
  switch (kind) {
    case undefined:
      return [`have "${name}", which is none of ${Object.keys(kinds).join(', ')}`];
    case 'text':
      return isText(field) ? [] : [`${wrong}; a text without think tags is accepted`];
    case 'texts':
      return Array.isArray(field) && field.length > 0 && field.every(isText)
        ? []
        : [`${wrong}; a list of texts without think tags is accepted`];
    case 'table':
      return isRecord(field) && Object.values(field).every(isText)
        ? []
        : [`${wrong}; an object from category to text is accepted`];
    default:
      return kind satisfies never;
  }
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const invalid = (problems: readonly string[]): TrainerError =>
  new TrainerError('config-invalid', `The templates ${problems.join('; they ')}.`);

/** Placeholders that are not given stay as they are. One pass, so that braces in a question are never filled. */
export function fillIn(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) =>
    Object.hasOwn(values, name) ? values[name] : whole,
  );
}
