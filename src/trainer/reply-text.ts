/** The text of a reply that grows token by token, and how likely its tokens were. */
import type { ReplyToken, TokenChance } from '../api/playground.ts';
import type { ChatTokenizer } from '../data/tokenizer.ts';

const shownChances = 5;
/** Bytes of one character may be spread over this many tokens; after that they are no character. */
const mostTokensOfACharacter = 8;

type Chances = Pick<ReplyToken, 'probability' | 'likeliest'>;

export class ReplyText {
  readonly #tokenizer: ChatTokenizer;
  readonly #ids: number[] = [];
  readonly #chances: Chances[] = [];
  #settled = 0; // tokens whose text will not change
  #settledText = '';
  #text = '';

  constructor(tokenizer: ChatTokenizer) {
    this.#tokenizer = tokenizer;
  }

  get ids(): readonly number[] {
    return this.#ids;
  }
  get text(): string {
    return this.#text;
  }

  /** What changes: the tokens from `from` on. */
  add(id: number, chances: Chances): { readonly from: number; readonly tokens: readonly ReplyToken[] } {
    this.#ids.push(id);
    this.#chances.push(chances);
    // As a whole: what a token adds depends on those before it, e.g. on whether a space is written.
    this.#text = this.#tokenizer.decode(this.#ids, { skipSpecialTokens: true });
    const from = this.#settled;
    const added = this.#text.slice(this.#settledText.length);
    const tokens = this.#ids.slice(from).map((own, i) => ({
      name: nameOf(own, this.#tokenizer),
      text: i === 0 ? added : '',
      ...this.#chances[from + i],
    }));
    if (!this.#text.endsWith('\uFFFD') || tokens.length >= mostTokensOfACharacter) {
      this.#settled = this.#ids.length;
      this.#settledText = this.#text;
    }
    return { from, tokens };
  }
}

const nameOf = (id: number, tokenizer: ChatTokenizer): string => tokenizer.decode([id]);

/** Softmax of the logits as they are, and the likeliest tokens. */
export function tokenChances(logits: Float32Array, id: number, tokenizer: ChatTokenizer): Chances {
  let largest = -Infinity;
  for (const logit of logits) if (logit > largest) largest = logit;
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  const probabilityOf = (token: number): number => Math.exp(logits[token] - largest) / sum;
  return {
    probability: probabilityOf(id),
    likeliest: topIds(logits, shownChances).map((token): TokenChance => ({
      name: nameOf(token, tokenizer),
      probability: probabilityOf(token),
    })),
  };
}

/** The largest first; of equals the lower id. */
function topIds(logits: Float32Array, count: number): number[] {
  const top: number[] = [];
  for (let id = 0; id < logits.length; id++) {
    if (top.length === count && !(logits[id] > logits[top[count - 1]])) continue;
    const place = top.findIndex((other) => logits[id] > logits[other]);
    top.splice(place < 0 ? top.length : place, 0, id);
    if (top.length > count) top.pop();
  }
  return top;
}
