/** Twenty prompts of the kinds that a chat model meets: plain, with a system prompt, in turns, code, German, Spanish, long. */
import type { ChatMessage, Prompt } from '../../../src/api/trainer-api.ts';

export interface NamedPrompt {
  readonly kind: string;
  readonly prompt: Prompt;
}

const user = (content: string): ChatMessage => ({ role: 'user', content });
const assistant = (content: string): ChatMessage => ({ role: 'assistant', content });
const system = (content: string): ChatMessage => ({ role: 'system', content });

/** About 400 tokens. */
const letter =
  `Dear neighbours, as most of you have noticed, the old lime tree in the courtyard has lost two large branches since the
spring storms. The gardener who looked at it last week says that the trunk is hollow up to a height of about three metres, and that the
crown is too heavy for what is left of the wood. He sees three ways. The first is to fell the tree this winter, to grind the stump, and to
plant a young maple in its place; that would cost about 2,400 euros, and the courtyard would be without shade for ten years or so. The
second is to cut the crown back by a third, to brace the two main branches with a steel cable, and to have the tree looked at every second
year; that would cost 900 euros now and 150 euros each time. The third is to do nothing before the spring, to close the path below the
tree with a fence, and to decide when the leaves are out and one can see how much of the crown is still alive. The fence would be lent to
us by the city for nothing. The children's swing would have to move to the wall of the bicycle shed in any case, and the benches should not
stand below the tree until something has been done. The administration needs our answer by the fifteenth of November, because the felling
of trees is only allowed from October to February, and because the firm has to be booked six weeks before. There is 3,100 euros in the
fund for the courtyard, of which 1,200 are set aside for the repair of the gate. Please write down which of the three ways you prefer, and
whether you could help with moving the swing on a Saturday. Those who cannot come to the meeting on Tuesday may leave a note in the letter
box of the second floor, left. Kind regards, and thank you to everyone who swept up the branches after the storm.`.replaceAll(
    '\n',
    ' ',
  );

export const namedPrompts: readonly NamedPrompt[] = [
  { kind: 'plain', prompt: 'What is the capital of France?' },
  { kind: 'plain', prompt: 'Why is the sky blue?' },
  { kind: 'plain', prompt: 'Write a short poem about a lighthouse.' },
  { kind: 'plain', prompt: 'List five things to pack for a day of hiking.' },
  {
    kind: 'arithmetic',
    prompt:
      'A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?',
  },
  { kind: 'arithmetic', prompt: 'What is 17 + 25? Explain each step.' },
  {
    kind: 'system prompt',
    prompt: [system('You are a pirate. Answer in one sentence.'), user('How is the weather today?')],
  },
  {
    kind: 'system prompt',
    prompt: [
      system('You are Qwen, created by Alibaba Cloud. You are a helpful assistant.'),
      user('Who are you?'),
    ],
  },
  { kind: 'system prompt', prompt: [system('Answer with a single word.'), user('Which animal says "moo"?')] },
  {
    kind: 'turns',
    prompt: [
      user('When do swallows leave?'),
      assistant('They leave in early autumn, mostly in September.'),
      user('And where do they go?'),
    ],
  },
  {
    kind: 'turns',
    prompt: [
      system('You are a patient teacher.'),
      user('What is a fraction?'),
      assistant('A fraction is a part of a whole, such as one half.'),
      user('Give me an example with a pizza.'),
      assistant('If you cut a pizza into four equal pieces and eat one, you have eaten one fourth of it.'),
      user('And if I eat two pieces?'),
    ],
  },
  { kind: 'code', prompt: 'Write a Python function that returns the n-th Fibonacci number.' },
  {
    kind: 'code',
    prompt:
      'What does this do?\n\n```js\nconst sum = (xs) => xs.reduce((a, b) => a + b, 0);\nconsole.log(sum([1, 2, 3]));\n```',
  },
  { kind: 'code', prompt: 'Write an SQL query for the names of all customers with more than 3 orders.' },
  {
    kind: 'German',
    prompt: 'Was ist der Unterschied zwischen Wetter und Klima? Bitte antworte auf Deutsch.',
  },
  { kind: 'German', prompt: 'Schreibe drei Sätze über einen Hund, der gern Äpfel frisst.' },
  { kind: 'Spanish', prompt: '¿Cuáles son los colores del arcoíris?' },
  { kind: 'Spanish', prompt: 'Escribe una receta corta de tortilla de patatas.' },
  { kind: 'long', prompt: `${letter}\n\nSum up this letter in three sentences.` },
  { kind: 'odd text', prompt: 'Repeat exactly: 🙂 ½ ﬁ café naïve 日本 — "x\ty" 3.14159' },
];
