// The playground on the demo model: its tokens are those of `generate`, its strength that of PEFT's scaled adapter, and it lets go at once.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ChatRequest, ChatSettings, Reply, ReplyDelta } from '../../src/api/playground.ts';
import type { AdapterFiles, ChatMessage, GenerateRequest, TrainerApi } from '../../src/api/trainer-api.ts';
import { zipFiles } from '../../src/adapter/zip.ts';
import { datasetSettings } from '../../src/config/dataset-settings.ts';
import { requireRunConfig } from '../../src/config/run-config.ts';
import { browserHost } from '../../src/host/browser/browser-host.ts';
import { createTrainerService } from '../../src/trainer/trainer-service.ts';

const nothing = (): void => undefined;
const config = requireRunConfig({
  ...{ max_steps: 6, learning_rate: 5e-2, sample_steps: 0, suite_prompts: 0, max_length: 256 },
  per_device_train_batch_size: 4,
});
const settings: ChatSettings = {
  ...{ maxNewTokens: 24, temperature: 0, topP: 1, seed: 42, strength: 1 },
  templateDate: '2024-07-26',
};
const drawn = { ...settings, temperature: 1.5, topP: 0.95 }; // the demo model is sure of its words: cooler ones are the same
const question: readonly ChatMessage[] = [{ role: 'user', content: 'How do I bake bread?' }];

let service: TrainerApi;
let files: AdapterFiles;
let zip: File;
beforeAll(async () => {
  // Without storage: the run is the current one.
  const host = { ...browserHost(`${location.origin}/`), openStore: () => Promise.reject(new Error('none')) };
  service = createTrainerService(host);
  await service.loadModel({ kind: 'demo' }, 'none', nothing);
  await service.readDataset({ kind: 'builtin', name: 'alttrain-1k' }, datasetSettings(config), nothing);
  await service.startTraining({ config }, nothing);
  const exported = await service.exportFiles();
  const blobOf = (name: string): Blob =>
    new Blob([exported.find((file) => file.name === name)?.bytes as BlobPart]);
  files = {
    ...{ name: 'trained', config: blobOf('adapter_config.json') },
    weights: blobOf('adapter_model.safetensors'),
  };
  zip = new File([zipFiles(exported)], 'adapter.zip');
}, 240_000);
afterAll(() => service.destroyDevice());

const both = (messages: readonly ChatMessage[]): ChatRequest['turns'] => [
  { side: 'base', messages },
  { side: 'adapter', messages },
];
const chat = (request: Partial<ChatRequest>, onDelta: (delta: ReplyDelta) => void = nothing) =>
  service.chat({ turns: both(question), adapter: { kind: 'current' }, settings, ...request }, onDelta);
const idsOf = (replies: readonly Reply[]) => replies.map(({ tokenIds }) => tokenIds);
async function generated(messages: readonly ChatMessage[], asked: Partial<GenerateRequest>) {
  const { maxNewTokens, temperature, topP, seed, templateDate } = settings;
  const request = { maxNewTokens, temperature, topP, seed, templateDate, useAdapter: true, ...asked };
  return (await service.generate({ prompts: [messages], ...request }))[0].tokenIds;
}

test.each([
  ['greedily', settings],
  ['drawn with top-p', drawn],
] as const)('both sides write the tokens of generate, %s, turn after turn', async (_, asked) => {
  const { temperature, topP } = asked;
  const system: ChatMessage = { role: 'system', content: 'Answer in one sentence.' };
  let conversation = [system, ...question];
  const answers: string[] = [];
  for (const next of ['And without an oven?', 'Why?']) {
    const replies = await chat({ turns: both(conversation), settings: asked });
    expect(idsOf(replies)).toEqual([
      await generated(conversation, { temperature, topP, useAdapter: false }),
      await generated(conversation, { temperature, topP }),
    ]);
    answers.push(...idsOf(replies).map(String));
    conversation = [
      ...conversation,
      { role: 'assistant', content: replies[1].content },
      { role: 'user', content: next },
    ];
  }
  expect(new Set(answers).size).toBeGreaterThan(2); // the control: the sides differ
});

test('at strength 0 the adapter’s side is the base, at 1 the adapter, at 0.5 the adapter with half its lora_alpha', async () => {
  const at = async (strength: number) => idsOf(await chat({ settings: { ...drawn, strength } }));
  const asked = { temperature: drawn.temperature, topP: drawn.topP };
  const [base, whole] = await at(1);
  expect(await at(0)).toEqual([base, base]);
  expect(whole).toEqual(await generated(question, asked));
  const [, half] = await at(0.5);
  expect(half).toEqual(await generated(question, { ...asked, strength: 0.5 }));
  expect(half).not.toEqual(whole);
  const scaled = JSON.parse((await files.config?.text()) ?? '') as Record<string, unknown>;
  scaled['lora_alpha'] = Number(scaled['lora_alpha']) / 2;
  const byHand = [
    new File([JSON.stringify(scaled)], 'adapter_config.json'),
    new File([files.weights], 'adapter_model.safetensors'),
  ];
  const adapter = { kind: 'files', id: 'half', name: 'half', files: byHand } as const;
  expect(idsOf(await chat({ adapter, settings: drawn }))).toEqual([base, half]);
});

test('a download of a run that is dropped answers as the run, and what is no adapter is refused by name', async () => {
  const adapter = { kind: 'files', id: 'zip', name: 'adapter.zip', files: [zip] } as const;
  expect(idsOf(await chat({ adapter }))).toEqual(idsOf(await chat({})));
  const pickle = [new File(['{}'], 'adapter_config.json'), new File(['x'], 'adapter_model.bin')];
  const refused = { kind: 'files', id: 'bin', name: 'old', files: pickle } as const;
  await expect(chat({ adapter: refused })).rejects.toMatchObject({ code: 'adapter-invalid' });
  expect(idsOf(await chat({}))).toHaveLength(2); // and goes on
});

test('tokens come one by one with their chances, and joined they are the reply', async () => {
  const heard = { base: [] as ReplyDelta['tokens'][number][], adapter: [] as ReplyDelta['tokens'][number][] };
  let last: ReplyDelta | null = null;
  const [base] = await chat({}, (delta) => {
    heard[delta.side].splice(delta.from, Infinity, ...delta.tokens);
    if (delta.side === 'base') last = delta;
  });
  expect(heard.base.map(({ text }) => text).join('')).toBe(base.trace.text);
  expect((last as ReplyDelta | null)?.parts).toEqual(base.trace.parts);
  for (const { probability, likeliest, name } of heard.base) {
    expect(likeliest[0]).toEqual({ name, probability }); // greedy
    expect(likeliest).toHaveLength(5);
    const sum = likeliest.reduce((all, chance) => all + chance.probability, 0);
    expect(sum).toBeGreaterThan(probability);
    expect(sum).toBeLessThan(1 + 1e-9);
  }
});

// Again where another program had the processor at that moment: what is timed is the worker, not the machine.
test(
  'a reply that is stopped ends within 200 ms with what is written, and the next question is answered',
  { retry: 2 },
  async () => {
    const endless = { ...drawn, maxNewTokens: 1000, temperature: 2, topP: 1 };
    let count = 0;
    let countAtStop = 0;
    let stoppedMs = 0;
    const replies = await chat({ settings: endless }, () => {
      if (++count !== 12) return;
      stoppedMs = performance.now();
      void service.stopChat().then(() => (countAtStop = count));
    });
    const took = performance.now() - stoppedMs;
    console.log(`stopped after ${took.toFixed(1)} ms`);
    expect(took).toBeLessThan(200);
    expect(replies.map(({ end }) => end)).toContain('stopped');
    expect(replies.flatMap(({ tokenIds }) => tokenIds).length).toBeGreaterThanOrEqual(12);
    const [base] = await chat({});
    expect(count).toBe(countAtStop); // nothing came after
    expect(base.tokenIds).toEqual(await generated(question, { useAdapter: false }));
  },
);

test('what it cannot do it says with a code', async () => {
  const refused = (request: Partial<ChatRequest>) =>
    chat(request).then(
      () => 'answered',
      (error: unknown) => error,
    );
  const invalid = { code: 'config-invalid' };
  expect(await refused({ settings: { ...settings, topP: 0 } })).toMatchObject(invalid);
  expect(await refused({ settings: { ...settings, strength: 2 } })).toMatchObject(invalid);
  expect(await refused({ settings: { ...settings, maxNewTokens: 1e6 } })).toMatchObject(invalid);
  const long = [{ role: 'user', content: 'bread '.repeat(600) }] as const;
  expect(await refused({ turns: both(long) })).toMatchObject(invalid);
  expect(await refused({ turns: both([{ role: 'assistant', content: 'x' }]) })).toMatchObject(invalid);
});

test('what else is asked for ends a reply, and need not wait for it', async () => {
  let heard = 0;
  const talking = chat({ settings: { ...drawn, maxNewTokens: 400, temperature: 2 } }, () => heard++);
  while (heard < 4) await new Promise((wake) => setTimeout(wake, 5));
  await service.readDataset({ kind: 'builtin', name: 'alttrain-1k' }, datasetSettings(config), nothing);
  expect((await talking).map(({ end }) => end)).toContain('stopped');
});

test('a run starts after a conversation without anything being loaded again, and its adapter is the one asked then', async () => {
  const before = idsOf(await chat({}));
  const answeredIn: unknown[] = [];
  await service.startTraining({ config: { ...config, seed: 7 } }, (event) => {
    if (event.kind === 'step' && event.report.step === 1)
      void chat({}).catch((error: unknown) => answeredIn.push(error));
  });
  expect(answeredIn).toMatchObject([{ code: 'busy' }]);
  const after = idsOf(await chat({}));
  expect(after[0]).toEqual(before[0]);
  expect(after[1]).toEqual(await generated(question, {}));
});
