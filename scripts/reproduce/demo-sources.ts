/**
 * The demo world's rows as files of prompts and traces, as a user would have them: harmful requests with a trace that ends in a refusal,
 * harmless ones as the teacher solves them. The items are those the AltTrain rows may mention; no prompt of a suite is among them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Templates } from '../../src/api/builder-api.ts';
import { createRng, shuffled, type Rng } from '../../src/support/rng.ts';
import {
  ASSESSMENT_TEMPLATES,
  createSuites,
  createWorld,
  promptText,
  REFUSAL_ANSWER,
  REFUSAL_REASONING,
  TRAINING_FACTS,
  type Item,
} from '../world/index.ts';
import { distinct, pick } from '../world/choice.ts';
import {
  answerHarmQuestion,
  SEEN_FORMS,
  SEEN_WRAPPERS,
  solveArithmetic,
  solveFact,
  solveHowTo,
  traceOf,
  type TeacherExample,
} from '../world/teacher.ts';
import { BENIGN_CATEGORIES, HARMFUL_CATEGORIES, LOOKALIKES } from '../world/vocabulary.ts';
import type { Recipe } from '../../src/reproduce/recipes.ts';

export interface SourceFiles {
  readonly harmful: string; // path
  readonly benign: string;
}
type Ask = (rng: Rng) => (action: string) => string;
type Sources = Readonly<Record<Recipe['source'], SourceFiles>>;

interface Row {
  readonly question: string;
  readonly response: string;
  readonly label: 'harmful' | 'benign';
  readonly category: string;
}

/** The world has 160 harmful items for training, and seven ways to ask: too few for 2,700 prompts. */
const prefixedForms = ['My friend asks:', 'For a story,', 'I have a question:'].flatMap((prefix) =>
  SEEN_FORMS.map(
    (ask) =>
      (action: string): string =>
        `${prefix} ${ask(action).replace(/^[HTW]/, (letter) => letter.toLowerCase())}`,
  ),
);
const wrappedShare = 0.15;
const sourceSeed = 1995;

export function writeDemoSources(folder: string): Sources {
  const world = createWorld();
  const suites = [createSuites(world, 'test'), createSuites(world, 'development')];
  const asked = new Set(
    suites.flatMap((file) => file.suites.flatMap(({ prompts }) => prompts.map(promptText))),
  );
  const inTraining = (items: readonly Item[], rng: Rng): Item[] =>
    shuffled(
      items.filter(({ split }) => split === 'train'),
      rng,
    );
  const seenForm: Ask = (rng) => pick(rng, rng.next() < wrappedShare ? SEEN_WRAPPERS : SEEN_FORMS);
  const anyForm: Ask = (rng) => pick(rng, [...SEEN_FORMS, ...SEEN_WRAPPERS, ...prefixedForms]);

  /** No two of them ask the same, and none asks what a suite asks. */
  const draw = (count: number, make: (found: number) => TeacherExample): TeacherExample[] =>
    distinct(count, asked, ({ prompt }) => prompt, make);

  const harmful = (count: number, form: Ask): TeacherExample[] => {
    const rng = createRng(sourceSeed);
    const items = inTraining(world.harmful, rng);
    return draw(count, (i) => solveHowTo(rng, items[i % items.length], form(rng)));
  };
  /** As the AltTrain rows of the demo mix them, in tenths of `count`. */
  const benign = (count: number, form: Ask): TeacherExample[] => {
    const rng = createRng(sourceSeed + 1);
    const [howTo, lookalikes, harms] = [world.benign, world.lookalikes, world.harmful].map((items) =>
      inTraining(items, rng),
    );
    const part = (share: number, make: (i: number) => TeacherExample): TeacherExample[] =>
      draw(Math.round(share * count), make);
    return shuffled(
      [
        ...part(0.32, () => solveArithmetic(rng)),
        ...part(0.18, (i) => solveFact(rng, TRAINING_FACTS[i % TRAINING_FACTS.length])),
        ...part(0.2, (i) => solveHowTo(rng, howTo[i % howTo.length], form(rng))),
        ...part(0.2, (i) => solveHowTo(rng, lookalikes[i % lookalikes.length], form(rng))),
        ...part(0.1, (i) => answerHarmQuestion(rng, pick(rng, [harms, howTo, harms, lookalikes][i % 4]))),
      ],
      rng,
    );
  };
  const math = (count: number): TeacherExample[] => {
    const rng = createRng(sourceSeed + 2);
    return draw(count, () => solveArithmetic(rng));
  };

  const write = (
    name: Recipe['source'],
    harmfulRows: readonly Row[],
    benignRows: readonly Row[],
  ): SourceFiles => {
    const own = join(folder, name);
    mkdirSync(own, { recursive: true });
    const files = { harmful: join(own, 'harmful.jsonl'), benign: join(own, 'benign.jsonl') };
    writeFileSync(files.harmful, toLines(harmfulRows));
    writeFileSync(files.benign, toLines(benignRows));
    return files;
  };
  const thousand = harmful(1000, seenForm);
  return {
    reasoned: write('reasoned', thousand.map(withReason), benign(100, seenForm).map(solved)),
    plain: write('plain', thousand.map(withoutReason), benign(100, seenForm).map(solved)),
    many: write('many', harmful(2700, anyForm).map(withReason), benign(300, anyForm).map(solved)),
    math: write('math', thousand.map(withReason), math(4000).map(solved)),
  };
}

const toLines = (rows: readonly Row[]): string => `${rows.map((row) => JSON.stringify(row)).join('\n')}\n`;
const responseOf = (thought: string, answer: string): string => `<think>\n${thought}\n</think>\n\n${answer}`;

const solved = (example: TeacherExample): Row => ({
  question: example.prompt,
  response: responseOf(traceOf(example), example.answer),
  label: 'benign',
  category: example.topic,
});
/** The harm is stated, as a policy-grounded trace does. */
const withReason = (example: TeacherExample): Row => refused(example, `That would lead to ${example.topic}.`);
const withoutReason = (example: TeacherExample): Row => refused(example, 'Let me think about it.');

function refused({ prompt, understanding, topic }: TeacherExample, between: string): Row {
  const thought = `${understanding} ${between} ${REFUSAL_REASONING}`;
  return {
    question: prompt,
    response: responseOf(thought, REFUSAL_ANSWER),
    label: 'harmful',
    category: topic,
  };
}

/** The builder's texts in the world's words: a word that the model has never written cannot be taught to it by LoRA. */
export function demoTemplates(): Partial<Templates> {
  const topics = [
    ...[...HARMFUL_CATEGORIES, ...BENIGN_CATEGORIES].map(({ reason }) => reason),
    ...LOOKALIKES.map((line) => line.split('|')[2]),
    ...['math', 'facts', 'safety'],
  ];
  return {
    assessHarmful: [...ASSESSMENT_TEMPLATES.harmful],
    assessBenign: [...ASSESSMENT_TEMPLATES.benign],
    reasons: Object.fromEntries(topics.map((topic) => [topic, topic])),
    stop: REFUSAL_REASONING,
    stopRephrased: [
      REFUSAL_REASONING,
      'I should not help with this, so I will refuse.',
      'One should not do this, so I will say sorry.',
      'I can not help with this, so one should refuse.',
      'This is wrong, so I should not help.',
    ],
    refusals: [REFUSAL_ANSWER],
    pivotSafe: 'It is fine.',
    pivotUnsafe: 'It is harmful.',
    pivotRethink: 'Let me look again.',
  };
}
