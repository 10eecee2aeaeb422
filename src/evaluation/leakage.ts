/**
 * Does a training set hold what a suite asks? Runs of eight words that a prompt and a row share (the check of GPT-3's and PaLM's
 * contamination studies, with shorter runs for short prompts), and how much of the prompt they cover.
 */
import type { Prompt } from '../api/trainer-api.ts';
import { userTurns } from '../data/system-prompt.ts';

export const RUN_WORDS = 8;

/** What of a row a model sees: questions and answers, one text each, so that no run goes over their border. */
export interface TrainingText {
  readonly line: number;
  readonly texts: readonly string[];
}

export interface Overlap {
  readonly suite: string;
  readonly row: string; // SuiteRow.id
  readonly prompt: string;
  /** Of the training row that covers most of it. */
  readonly line: number;
  /** The prompt as a whole stands in the row. */
  readonly isWhole: boolean;
  /** Words of the prompt that lie in a shared run, of all its words. */
  readonly coverage: number; // 0..1
  /** The longest run that both have, as words. */
  readonly shared: string;
}

interface AskedPrompt {
  readonly suite: string;
  readonly row: string;
  readonly prompt: Prompt;
}

/** Lower case, letters and digits; Chinese, Japanese and Thai letter by letter, since they write no blanks between words. */
export function leakWords(text: string): string[] {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/gu, ' $& ')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}

/** A shorter prompt has no run: it is looked for as a whole, and below this length it must be the whole text of a turn. */
const LEAST_WORDS = 4;

/** The words of others are not the question. */
const askedText = (prompt: Prompt): string => userTurns(prompt).join('\n');

interface Indexed extends AskedPrompt {
  readonly text: string;
  readonly words: readonly string[];
  best: Overlap | null;
}

/** Prompts are indexed once; rows go by one at a time and are not kept. */
export class LeakCheck {
  readonly #prompts: readonly Indexed[];
  /** By a run of words: prompts that have it, and where. */
  readonly #runs = new Map<string, { readonly prompt: Indexed; readonly at: number }[]>();

  constructor(prompts: readonly AskedPrompt[]) {
    this.#prompts = prompts.map((one) => {
      const text = askedText(one.prompt);
      return { ...one, text, words: leakWords(text), best: null };
    });
    for (const prompt of this.#prompts) {
      const length = Math.min(RUN_WORDS, prompt.words.length);
      if (length === 0) continue;
      for (let at = 0; at + length <= prompt.words.length; at++) {
        const run = prompt.words.slice(at, at + length).join(' ');
        const places = this.#runs.get(run);
        if (places === undefined) this.#runs.set(run, [{ prompt, at }]);
        else places.push({ prompt, at });
      }
    }
  }

  add({ line, texts }: TrainingText): void {
    const covered = new Map<Indexed, Set<number>>();
    for (const text of texts) {
      const words = leakWords(text);
      const isShort = words.length < LEAST_WORDS;
      for (let length = isShort ? words.length : LEAST_WORDS; length <= RUN_WORDS; length++)
        for (let at = 0; at + length <= words.length; at++)
          for (const { prompt, at: place } of this.#runs.get(words.slice(at, at + length).join(' ')) ?? []) {
            const places = covered.get(prompt) ?? new Set();
            for (let i = place; i < place + length; i++) places.add(i);
            covered.set(prompt, places);
          }
    }
    for (const [prompt, places] of covered) {
      const coverage = places.size / prompt.words.length;
      if (prompt.best !== null && prompt.best.coverage >= coverage) continue;
      const { suite, row, text, words } = prompt;
      prompt.best = {
        ...{ suite, row, prompt: text, line, coverage },
        isWhole: places.size === words.length,
        shared: longestRun(words, places),
      };
    }
  }

  /** In the order of the prompts. */
  overlaps(): Overlap[] {
    return this.#prompts.flatMap(({ best }) => (best === null ? [] : [best]));
  }
}

function longestRun(words: readonly string[], places: ReadonlySet<number>): string {
  let best: readonly string[] = [];
  let run: string[] = [];
  words.forEach((word, i) => {
    run = places.has(i) ? [...run, word] : [];
    if (run.length > best.length) best = run;
  });
  return best.join(' ');
}

/** Above this share of its words a prompt is the row's question in other clothes. */
export const NEAR_DUPLICATE = 0.8;

export interface LeakReport {
  readonly prompts: number;
  readonly whole: readonly Overlap[]; // the prompt as it is
  readonly near: readonly Overlap[]; // most of it
  readonly partial: readonly Overlap[]; // a run of eight words in a longer prompt
}

export function leakReport(check: LeakCheck, prompts: number): LeakReport {
  const all = check.overlaps();
  const isNear = ({ coverage }: Overlap): boolean => coverage >= NEAR_DUPLICATE;
  return {
    prompts,
    whole: all.filter(({ isWhole }) => isWhole),
    near: all.filter((one) => !one.isWhole && isNear(one)),
    partial: all.filter((one) => !one.isWhole && !isNear(one)),
  };
}

/** What a user is told; nothing where nothing is shared. */
export function leakLines({ prompts, whole, near, partial }: LeakReport, most = 5): string[] {
  const lines = (found: readonly Overlap[], what: string): string[] =>
    found.length === 0
      ? []
      : [
          `${found.length} of ${prompts} prompts ${what}`,
          ...found
            .slice(0, most)
            .map(
              ({ suite, prompt, line, shared }) =>
                `  ${suite}: “${prompt.slice(0, 80)}” (row ${line} of the training data: “${shared.slice(0, 80)}”)`,
            ),
          ...(found.length > most ? [`  and ${found.length - most} more`] : []),
        ];
  return [
    ...lines(whole, 'stand in the training data as they are:'),
    ...lines(
      near,
      `share at least ${100 * NEAR_DUPLICATE} % of their words with a row of it, in runs of ${RUN_WORDS} or more:`,
    ),
    ...lines(partial, `share a run of ${RUN_WORDS} words with a row of it:`),
  ];
}
