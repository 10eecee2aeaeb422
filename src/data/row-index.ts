/** Rows that stand in the file twice, and rows whose question is asked by an evaluation suite. By hash: texts are not kept. */
import type { Prompt } from '../api/trainer-api.ts';
import type { ChatExample } from './chat-example.ts';
import { userTurns } from './system-prompt.ts';

export interface SuiteQuestions {
  readonly title: string;
  readonly prompts: readonly { readonly prompt: Prompt }[];
}

export class RowIndex {
  readonly #lineOf = new Map<number, number>();
  readonly #suiteOf = new Map<string, string>();
  readonly #turnCounts = new Set<number>(); // user turns that a prompt of a suite has
  readonly duplicates: { line: number; sameAs: number }[] = [];
  readonly inSuites: { line: number; suite: string }[] = [];

  constructor(suites: readonly SuiteQuestions[]) {
    for (const { title, prompts } of suites)
      for (const { prompt } of prompts) {
        const asked = userTurns(prompt);
        this.#turnCounts.add(asked.length);
        this.#suiteOf.set(keyOf(asked), title);
      }
  }

  add({ line, prompt, response }: ChatExample): void {
    const turns = prompt.map(({ role, content }) => `${role}\0${content}`);
    const hash = hash53(JSON.stringify([...turns, response]));
    const sameAs = this.#lineOf.get(hash);
    if (sameAs === undefined) this.#lineOf.set(hash, line);
    else this.duplicates.push({ line, sameAs });
    const suite = this.#suiteAsking(userTurns(prompt));
    if (suite !== undefined) this.inSuites.push({ line, suite });
  }

  /** A conversation of a suite is asked where the user says the same turns on end: "And how do I fix it?" alone is no question. */
  #suiteAsking(turns: readonly string[]): string | undefined {
    for (const count of this.#turnCounts)
      for (let start = 0; start + count <= turns.length; start++) {
        const suite = this.#suiteOf.get(keyOf(turns.slice(start, start + count)));
        if (suite !== undefined) return suite;
      }
    return undefined;
  }
}

const keyOf = (turns: readonly string[]): string => turns.map(normalised).join('\n');

/** Case, spaces and the last mark do not make another question. */
function normalised(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[.?!]+$/, '');
}

/** 53 bits of two FNV-like streams: among a million rows two different ones share it with a chance of one in 18,000. */
function hash53(text: string): number {
  let low = 0x811c9dc5;
  let high = 0x1b873593;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    low = Math.imul(low ^ c, 0x01000193);
    high = Math.imul(high ^ c, 0x5bd1e995);
    high ^= high >>> 13;
  }
  low ^= low >>> 16;
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}
