/** Columns and turns that change what a row means: followed, refused by name, or told as not used. */
import { describe, expect, test } from 'vitest';
import { isRowProblem, toChatExample, type ChatExample } from '../../../src/data/chat-example.ts';
import { parseColumns } from '../../../src/data/column-mapping.ts';

const of = (value: unknown, ...columns: string[]) =>
  toChatExample({ line: 1, value }, { systemPrompt: '', columns: parseColumns(columns) });
const example = (value: unknown, ...columns: string[]): ChatExample => {
  const read = of(value, ...columns);
  if (isRowProblem(read)) throw new Error(read.reason);
  return read;
};
const reason = (value: unknown, ...columns: string[]): string => {
  const read = of(value, ...columns);
  return isRowProblem(read) ? `${read.code}: ${read.reason}` : 'used';
};
const user = (content: unknown) => ({ role: 'user', content });
const assistant = (content: unknown, more: object = {}) => ({ role: 'assistant', content, ...more });
const system = (content: string) => ({ role: 'system', content });
const chat = (...more: object[]) => ({ messages: [user('q'), assistant('a', ...more)] });

describe('columns that belong to the question', () => {
  const passage = 'The mill stood beside the Alder.';

  test('Dolly’s context follows the instruction, and an empty one leaves no trace', () => {
    const row = {
      instruction: 'Which river?',
      context: passage,
      response: 'The Alder.',
      category: 'closed_qa',
    };
    expect(example(row)).toMatchObject({
      prompt: [user(`Which river?\n\n${passage}`)],
      unused: ['category'],
    });
    for (const context of ['', ' \n', null, undefined])
      expect(example({ ...row, context }).prompt).toEqual([user('Which river?')]);
    expect(reason({ ...row, context: [passage] })).toContain('"context" that is not text');
  });

  test('the context of a question is read the same way, beside input and in its place', () => {
    expect(example({ question: 'Where?', context: passage, response: 'a' }).prompt).toEqual([
      user(`Where?\n\n${passage}`),
    ]);
    expect(example({ instruction: 'Sum', input: '1 2', context: 'in words', output: 'a' }).prompt).toEqual([
      user('Sum\n\n1 2\n\nin words'),
    ]);
  });

  test.each(['', '  ', null])(
    'an instruction that is %j leaves its input alone as the question',
    (instruction) => {
      expect(example({ instruction, input: 'What is dew?', output: 'Water.' }).prompt).toEqual([
        user('What is dew?'),
      ]);
    },
  );

  test('the prompt of a completion is whole: a context beside it is told as not used', () => {
    expect(example({ prompt: 'q', completion: 'a', context: passage })).toMatchObject({
      prompt: [user('q')],
      unused: ['context'],
    });
  });

  test('two columns that both ask are refused', () => {
    expect(reason({ instruction: 'Answer as a doctor.', question: 'Why?', response: 'a' })).toContain(
      'an "instruction" and a "question"',
    );
    expect(reason({ instruction: 'Why?', question: '', response: 'a' })).toBe('used');
  });
});

describe('system messages', () => {
  const pirate = 'Answer like a pirate.';

  test.each(['system', 'system_prompt'])(
    'the column %s goes before the question in every shape',
    (column) => {
      for (const row of [
        { question: 'Where?', response: 'Arr.' },
        { instruction: 'Where?', output: 'Arr.' },
        { prompt: 'Where?', completion: 'Arr.' },
        { messages: [user('Where?'), assistant('Arr.')] },
        {
          conversations: [
            { from: 'human', value: 'Where?' },
            { from: 'gpt', value: 'Arr.' },
          ],
        },
      ]) {
        expect(example({ ...row, [column]: pirate })).toEqual({
          ...example(row),
          prompt: [system(pirate), user('Where?')],
        });
        for (const nothing of ['', ' ', null])
          expect(example({ ...row, [column]: nothing })).toEqual(example(row));
      }
    },
  );

  test('a conversation keeps its own, and another one in a column is told as not used', () => {
    const messages = [system('Be brief.'), user('q'), assistant('a')];
    expect(example({ messages, system: pirate })).toMatchObject({
      prompt: [system('Be brief.'), user('q')],
      unused: ['system'],
    });
    expect(example({ messages, system: 'Be brief.' }).unused).toBeUndefined();
  });

  test('two that differ, and one that is no text, are refused', () => {
    const row = { prompt: 'q', completion: 'a', system: pirate };
    expect(reason({ ...row, system_prompt: 'Be brief.' })).toContain('two system messages');
    expect(reason({ ...row, system_prompt: pirate })).toBe('used');
    expect(reason({ ...row, system: { text: pirate } })).toContain('"system" that is not text');
  });

  test('a mapped one is read with a conversation, too', () => {
    expect(example({ chat: chat().messages, role: pirate }, 'messages=chat', 'system=role')).toMatchObject({
      prompt: [system(pirate), user('q')],
    });
  });
});

describe('history', () => {
  const row = { instruction: 'And 3?', input: '', output: '6' };
  const turns = [user('Double 1.'), assistant('2'), user('And 2?'), assistant('4')];
  const pairs = [
    ['Double 1.', '2'],
    ['And 2?', '4'],
  ];

  // LLaMA-Factory, src/llamafactory/data/converter.py, AlpacaDatasetConverter: each pair is a turn of the user and one of the assistant.
  test('is put before the question: pairs, a list of messages, and the JSON of either', () => {
    for (const history of [pairs, turns, JSON.stringify(pairs), JSON.stringify(turns)])
      expect(example({ ...row, history, system: 'Be brief.' })).toEqual({
        line: 1,
        shape: 'instruction/input/output',
        prompt: [system('Be brief.'), ...turns, user('And 3?')],
        response: '6',
      });
  });

  test.each([[[]], [null], [''], ['[]'], [[[]].slice(1)]])('that is %j is none', (history) => {
    expect(example({ ...row, history }).prompt).toEqual([user('And 3?')]);
  });

  test.each<[string, unknown]>([
    ['a list', [user('q')]],
    ['a list with a system message', [system('Be brief.'), user('q')]],
    ['the JSON of one', JSON.stringify([user('q')])],
  ])('beside a prompt that is %s is refused by name', (_, prompt) => {
    const chat = { prompt, completion: 'a' };
    expect(reason({ ...chat, history: pairs })).toContain(
      '"history" beside a "prompt" that is a list of turns',
    );
    for (const history of [[], null, '']) expect(example({ ...chat, history }).response).toBe('a');
    // the control: beside a prompt of text it stands before it
    expect(example({ prompt: 'q', completion: 'a', history: pairs }).prompt).toEqual([...turns, user('q')]);
  });

  test.each<[unknown, string]>([
    ['once', 'no list of pairs'],
    ["[['q', 'a']]", 'has a "history" that is Python\'s form of a list'],
    ['[["q", "a"],]', 'has a "history" that is not JSON: there is a comma before a closing bracket'],
    [[['q']], 'pair 1 of "history"'],
    [
      [
        ['q', 'a'],
        ['q', ''],
      ],
      'pair 2 of "history"',
    ],
    [[['q', 1]], 'pair 1 of "history"'],
    [[user('q')], 'second turn of the user'],
    [[user('q'), { role: 'tool', content: 'x' }], 'role "tool"'],
  ])('%j is refused', (history, words) => {
    expect(reason({ ...row, history })).toContain(words);
  });
});

describe('tools and media', () => {
  const calls = [{ id: 'c1', type: 'function', function: { name: 'weather', arguments: '{}' } }];

  test('a call beside text is refused, and an empty one is nothing', () => {
    expect(reason(chat({ tool_calls: calls }))).toContain(
      'row-unsupported: message 2 of "messages" has "tool_calls"',
    );
    expect(reason(chat({ function_call: { name: 'weather', arguments: '{}' } }))).toContain(
      '"function_call"',
    );
    for (const nothing of [null, [], '', '[]'])
      expect(example(chat({ tool_calls: nothing }))).toEqual(example(chat()));
    expect(example(chat({ function_call: null, tool_calls: undefined })).unused).toBeUndefined();
    expect(reason({ messages: [user('q'), assistant(null, { tool_calls: calls })] })).toContain(
      '"tool_calls"',
    );
  });

  test.each(['tool', 'function', 'observation', 'function_call'])(
    'a turn of the role %s is refused',
    (role) => {
      const conversations = [
        { from: 'human', value: 'q' },
        { from: role, value: 'x' },
        { from: 'gpt', value: 'a' },
      ];
      expect(reason({ conversations })).toContain(
        `row-unsupported: message 2 of "conversations" has the role "${role}"`,
      );
    },
  );

  test.each(['tools', 'functions', 'images', 'image', 'audios', 'videos', 'chat_template_kwargs'])(
    'a column %s is refused where it holds something',
    (column) => {
      expect(reason({ ...chat(), [column]: [{ name: 'x' }] })).toContain(`row-unsupported: has "${column}"`);
      expect(reason({ instruction: 'q', output: 'a', [column]: '[{"name": "x"}]' })).toContain(`"${column}"`);
      for (const nothing of [null, [], '', '[]', {}, [null]])
        expect(example({ ...chat(), [column]: nothing })).toEqual(example(chat()));
      expect(example({ q: '1', a: '2', [column]: ['x'] }, 'prompt=q', 'completion=a').unused).toEqual([
        column,
      ]);
    },
  );

  test('parts of text are joined by a line break, and every other part is refused by its name', () => {
    const text = (words: string) => ({ type: 'text', text: words });
    const read = example({ messages: [user([text('Name a bird.')]), assistant([text('Wren.')])] });
    expect(read).toEqual(example({ messages: [user('Name a bird.'), assistant('Wren.')] }));
    expect(
      example({ messages: [user([text('One'), text(''), text('two')]), assistant('a')] }).prompt,
    ).toEqual([user('One\ntwo')]);
    const image = { type: 'image_url', image_url: { url: 'x.png' } };
    expect(reason({ messages: [user([text('What?'), image]), assistant('a')] })).toContain(
      'row-unsupported: message 1 of "messages" has a "content" with a part of type "image_url"',
    );
    expect(reason({ messages: [user(['q']), assistant('a')] })).toContain('no object with a type');
    expect(reason({ messages: [user([]), assistant('a')] })).toContain('row-empty');
    expect(reason({ messages: [user([{ type: 'text', text: 3 }]), assistant('a')] })).toContain('not text');
    expect(reason({ messages: [{ ...user('What is this?'), images: ['x.png'] }, assistant('a')] })).toContain(
      '"images"',
    );
  });
});

describe('a thought in a field of its own', () => {
  test.each(['reasoning_content', 'reasoning', 'thinking'])('%s goes before the answer', (field) => {
    expect(example(chat({ [field]: 'Well.' })).response).toBe('<think>\nWell.\n</think>\n\na');
    expect(example(chat({ [field]: '' })).response).toBe('a');
    expect(reason(chat({ [field]: ['Well.'] }))).toContain('not text');
  });

  test('two that differ are refused; a switch of that name is told as not used', () => {
    expect(reason(chat({ reasoning: 'One.', reasoning_content: 'Two.' }))).toContain('several thoughts');
    expect(reason(chat({ reasoning: 'One.', reasoning_content: 'One.\n' }))).toBe('used');
    expect(example(chat({ thinking: true })).unused).toEqual(['messages[].thinking']);
    expect(example({ messages: [{ ...user('q'), reasoning: 'x' }, assistant('a')] }).unused).toEqual([
      'messages[].reasoning',
    ]);
  });
});

describe('turns that are not to be trained', () => {
  const turns = (first: object, last: object) => ({
    messages: [user('1'), assistant('2', first), user('3'), assistant('4', last)],
  });

  test.each([
    { weight: 0 },
    { train: false },
    { training: false },
    { train_on_turn: false },
    { loss: false },
    { loss_mask: 0 },
    { weight: '0' },
  ])('%j marks its turn, and its opposite marks nothing', (flag) => {
    expect(example(turns(flag, {})).answerWeights).toEqual([0, 1]);
    expect(example(turns({}, flag)).answerWeights).toEqual([1, 0]);
    const opposite = Object.fromEntries(
      Object.entries(flag).map(([name, value]) => [name, typeof value === 'boolean' ? true : 1]),
    );
    expect(example(turns(opposite, opposite))).toEqual(example(turns({}, {})));
  });

  test('parts of turns and trained questions are refused', () => {
    expect(reason(turns({}, { train_detail: [{ begin_offset: 0, end_offset: 3, train: false }] }))).toContain(
      '"train_detail"',
    );
    expect(reason({ messages: [{ ...user('q'), train: true }, assistant('a')] })).toContain(
      'only turns of the assistant can be trained',
    );
    expect(reason({ messages: [{ ...user('q'), train: false }, assistant('a')] })).toBe('used');
  });
});

describe('rows that judge their answer', () => {
  test.each([false, 'False', 'false'])('KTO’s label %j marks a bad answer: it is refused', (label) => {
    expect(reason({ prompt: 'q', completion: 'a', label })).toContain(
      'row-unsupported: is marked as a bad answer',
    );
    expect(reason({ ...chat(), label })).toContain('bad answer');
  });

  test('kto_tag marks one in every shape', () => {
    expect(reason({ instruction: 'q', output: 'a', kto_tag: false })).toContain('"kto_tag": false');
    expect(example({ instruction: 'q', output: 'a', kto_tag: true }).unused).toBeUndefined();
  });

  test('a good answer is used; a label of another kind is told as not used', () => {
    for (const label of [true, 'True', null, ''])
      expect(example({ prompt: 'q', completion: 'a', label })).toEqual(
        example({ prompt: 'q', completion: 'a' }),
      );
    expect(example({ prompt: 'q', completion: 'a', label: 'safe' }).unused).toEqual(['label']);
    expect(example({ instruction: 'q', response: 'a', label: false }).unused).toEqual(['label']);
    expect(example({ text: 'once', label: false }).unused).toEqual(['label']);
  });

  test('a preference has no answer to train, unless one is chosen or stands beside it', () => {
    const row = { prompt: 'q', chosen: 'good', rejected: 'bad' };
    expect(reason(row)).toContain('compares two answers ("chosen" and "rejected")');
    expect(reason({ prompt: 'q', response_0: 'one', response_1: 'two' })).toContain('compares two answers');
    expect(
      reason({
        conversations: [{ from: 'human', value: 'q' }],
        chosen: { value: 'a' },
        rejected: { value: 'b' },
      }),
    ).toContain('compares two answers');
    expect(example(row, 'prompt=prompt', 'completion=chosen')).toMatchObject({
      response: 'good',
      unused: ['rejected'],
    });
    expect(example({ ...row, ...chat() }).unused).toEqual(['prompt', 'chosen', 'rejected']);
  });
});

describe('what is not used is named', () => {
  test('columns that hold something, and fields of turns', () => {
    const row = {
      id: 0,
      source: 'x',
      empty: '',
      none: null,
      list: [],
      nan: NaN,
      struct: { a: null },
      messages: [{ ...user('q'), name: 'Ann' }, assistant('a', { id: 7, refusal: null })],
    };
    expect(example(row).unused).toEqual(['id', 'source', 'messages[].name', 'messages[].id']);
    expect(example({ text: 'once', url: 'x' }).unused).toEqual(['url']);
    expect(
      example({
        conversations: [
          { from: 'human', value: 'q', weight: 1 },
          { from: 'gpt', value: 'a', weight: 1 },
        ],
      }).unused,
    ).toEqual(['conversations[].weight']);
    const cached = { type: 'text', text: 'q', cache_control: { type: 'ephemeral' } };
    expect(example({ messages: [user([cached]), assistant('a')] }).unused).toEqual([
      'messages[].content[].cache_control',
    ]);
  });

  test('with a mapping that is everything else', () => {
    const row = { frage: 'q', antwort: 'a', input: 'more', system: 's', history: [['1', '2']] };
    expect(example(row, 'prompt=frage', 'completion=antwort')).toEqual({
      line: 1,
      shape: 'prompt/completion',
      prompt: [user('q')],
      response: 'a',
      unused: ['input', 'system', 'history'],
    });
  });

  test('of two shapes in one row the one that holds something is read', () => {
    expect(example({ messages: [], prompt: 'q', completion: 'a' })).toMatchObject({
      shape: 'prompt/completion',
    });
    expect(example({ prompt: '', completion: '', text: 'once' })).toMatchObject({ shape: 'text' });
    expect(reason({ instruction: 'q', output: '', text: 'q ### a' })).toContain('empty response'); // not its text instead
  });
});

describe('lists in a table', () => {
  test('prompts and completions of TRL’s conversations are read from their JSON', () => {
    const row = { prompt: JSON.stringify([user('q')]), completion: JSON.stringify([assistant('a')]) };
    expect(example(row)).toEqual(example({ prompt: [user('q')], completion: [assistant('a')] }));
    expect(example({ prompt: '[1, 2]', completion: '["a"]' })).toMatchObject({
      prompt: [user('[1, 2]')],
      response: '["a"]',
    });
  });

  test('Python’s form is named', () => {
    expect(reason({ messages: "[{'role': 'user', 'content': 'q'}]" })).toContain(
      'Python’s form'.replace('’', "'"),
    );
    expect(reason({ messages: '[{"role": "user"' })).toContain('not JSON');
  });
});
