/**
 * What rendering a template may cost. Templates are programs of strangers: three nested loops never end, and a text that is
 * replaced by itself twelve times fills the memory. Rendering is counted in steps, not timed, so that the same template does
 * the same everywhere; a published template takes a few hundred for a turn. The whole budget is a fraction of a second's work.
 */

const BASE_STEPS = 50_000;
const STEPS_PER_MESSAGE = 5_000;
/** Of a round of a loop, which makes scopes. */
export const STEPS_PER_ROUND = 4;
/** A step for so many characters, or list entries, that an expression makes. */
const CHARS_PER_STEP = 128;
/** JavaScript joins two texts by pointing at them: a template that collects a long conversation so is no waste. */
const JOINED_CHARS_PER_STEP = 1 << 14;
const ENTRIES_PER_STEP = 16;
/** Of one text. What is rendered is encoded too, and that takes a second for a few million characters. */
const BASE_CHARS = 1 << 20;
const MAX_ENTRIES = 1 << 20; // of one list
export const MAX_TEMPLATE_CHARS = 1 << 20;
export const MAX_RANGE = 100_000;

export class TemplateBudget {
  readonly #maxChars: number;
  readonly #allSteps: number;
  #steps: number;

  /** `chars`: of all messages. */
  constructor({ messages, chars }: { readonly messages: number; readonly chars: number }) {
    this.#maxChars = BASE_CHARS + 8 * chars;
    this.#allSteps = BASE_STEPS + STEPS_PER_MESSAGE * messages + Math.ceil(chars / 4);
    this.#steps = this.#allSteps;
  }

  /** @throws RangeError at the end of the budget */
  spend(steps = 1): void {
    this.#steps -= steps;
    if (this.#steps < 0)
      throw new RangeError(`it takes more than ${this.#allSteps.toLocaleString('en')} steps to render`);
  }

  /** Before a text of that length is made. */
  assertChars(chars: number): void {
    if (chars > this.#maxChars)
      throw new RangeError(`it makes a text of more than ${this.#maxChars.toLocaleString('en')} characters`);
  }

  /** What an expression has made, of new characters or by joining. */
  spendOn(value: unknown, how: 'written' | 'joined' = 'written'): void {
    if (typeof value === 'string') {
      this.assertChars(value.length);
      this.spend(value.length / (how === 'joined' ? JOINED_CHARS_PER_STEP : CHARS_PER_STEP));
    } else if (Array.isArray(value)) {
      if (value.length > MAX_ENTRIES)
        throw new RangeError(`it makes a list of more than ${MAX_ENTRIES.toLocaleString('en')} entries`);
      this.spend(value.length / ENTRIES_PER_STEP);
    }
  }
}

/** Of what a template is given: only the messages can be long. */
export function sizeOfMessages(messages: unknown): { readonly messages: number; readonly chars: number } {
  if (!Array.isArray(messages)) return { messages: 0, chars: 0 };
  let chars = 0;
  for (const message of messages as unknown[]) {
    const content =
      typeof message === 'object' && message !== null && 'content' in message ? message.content : '';
    if (typeof content === 'string') chars += content.length;
  }
  return { messages: messages.length, chars };
}
