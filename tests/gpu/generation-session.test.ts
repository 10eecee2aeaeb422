// A session's cache lives between calls: what it saves must not change a token.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gpu } from '../../src/device/open-device.ts';
import { Adapter } from '../../src/model/adapter.ts';
import { GenerationSession } from '../../src/model/generation-session.ts';
import { loadModel } from '../../src/model/load-model.ts';
import { goldenFiles, openGolden, type Golden } from './goldens.ts';
import { assertHealthyAfterEach, openTestDevice, relativeError } from './open.ts';

let gpu: Gpu;
let golden: Golden;
let adapter: Adapter;
beforeAll(async () => {
  gpu = await openTestDevice();
  golden = await openGolden(gpu, 'tied-gqa');
  adapter = golden.makeAdapter();
});
assertHealthyAfterEach(() => gpu);
afterAll(() => {
  adapter.dispose();
  golden.model.decoder.dispose();
});

const open = (sequences: number, context = 96): GenerationSession =>
  new GenerationSession(golden.model.decoder, adapter, sequences, context);
const settings = { maxNewTokens: 12, temperature: 0, seed: 3, eosIds: [] as number[], useAdapter: true };
const promptOf = (i: number): number[] => [...golden.json.greedy[i].prompt_ids];
async function collect(stream: AsyncIterable<number[][]>, count: number): Promise<number[][]> {
  const answers: number[][] = Array.from({ length: count }, () => []);
  for await (const news of stream) news.forEach((ids, i) => answers[i].push(...ids));
  return answers;
}

test('a conversation that goes on gives the tokens of one that is run from its beginning', async () => {
  const session = open(1);
  // Drawn, not greedy: a small difference of the logits shows in the tokens.
  const drawn = { ...settings, temperature: 0.5 };
  let talk = promptOf(0);
  for (const more of [[5, 9, 11], [7], [13, 4]]) {
    const [answer] = await collect(session.stream([talk], drawn), 1);
    const anew = open(1);
    expect(answer).toEqual((await anew.generate([talk], drawn))[0]);
    anew.dispose();
    talk = [...talk, ...answer, ...more];
  }
  // An earlier turn is edited: what follows it in the cache is not used.
  const edited = [...promptOf(0).slice(0, -2), 17, ...talk.slice(promptOf(0).length - 1)];
  const [answer] = await collect(session.stream([edited], drawn), 1);
  const anew = open(1);
  expect(answer).toEqual((await anew.generate([edited], drawn))[0]);
  // The control: the edit makes a difference.
  const [[logitsOfEdited], [logitsOfTalk]] = [
    await anew.nextLogits([edited], true),
    await anew.nextLogits([talk], true),
  ];
  expect(relativeError(logitsOfEdited, logitsOfTalk)).toBeGreaterThan(1e-3);
  anew.dispose();
  session.dispose();
});

test('k samples of one prompt differ, and each is what its row gives without a shared prefill', async () => {
  const warm = { ...settings, temperature: 1.5 };
  const prompt = promptOf(1);
  const session = open(4);
  const samples = await session.generate([prompt, prompt, prompt, prompt], warm);
  expect(new Set(samples.map((ids) => ids.join())).size).toBeGreaterThan(1);
  const other = promptOf(0); // in the first row: the others cannot be copies of it
  const apart = await session.generate([other, prompt, prompt, prompt], warm);
  expect(apart.slice(1)).toEqual(samples.slice(1));
  session.dispose();
});

test('the base and the adapter do not read each other’s cache', async () => {
  const session = open(2);
  const prompts = [promptOf(0), promptOf(1)];
  const ask = (useAdapter: boolean) => collect(session.stream(prompts, { ...settings, useAdapter }), 2);
  const [adapted, base, again] = [await ask(true), await ask(false), await ask(true)];
  expect(again).toEqual(adapted);
  expect(base).not.toEqual(adapted);
  session.dispose();
});

// transformers 5.24, peft 0.21.2, float32: every LoRA layer's `scale_layer(strength)`. The first eight logits after the prompt, and greedy tokens.
const ofPeft = [
  {
    strength: 0.5,
    logits: [0.377873, -0.654478, -0.258762, 1.020486, -0.072103, -1.619454, -0.644737, 1.114851],
    tokens: [100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 28], // of the second prompt
  },
  {
    strength: 1.5,
    logits: [0.200028, -0.697938, 1.476732, -0.109695, -1.439009, -1.454096, -1.853374, -0.404868],
    tokens: [53, 336, 336, 379, 379, 57, 336, 239, 190, 76, 220, 76],
  },
] as const;

test('strength 0 is the base and 1 the adapter, bit for bit; between and beyond it is PEFT’s scaled adapter', async () => {
  const session = open(1);
  const logitsAt = async (strength: number): Promise<Float32Array> =>
    (await session.nextLogits([promptOf(0)], true, strength))[0];
  const [base] = await session.nextLogits([promptOf(0)], false);
  const [whole] = await session.nextLogits([promptOf(0)], true);
  expect(await logitsAt(0)).toEqual(base);
  expect(await logitsAt(1)).toEqual(whole);
  expect(relativeError(whole, base)).toBeGreaterThan(1e-2); // the control
  for (const { strength, logits, tokens } of ofPeft) {
    expect(relativeError((await logitsAt(strength)).slice(0, logits.length), logits)).toBeLessThan(1e-4);
    expect((await session.generate([promptOf(1)], { ...settings, strength }))[0]).toEqual(tokens);
  }
  session.dispose();
});

test('strength 0.5 gives the bits of the adapter with half its lora_alpha', async () => {
  const half = new Adapter(gpu, golden.model.config, {
    ...golden.settings,
    loraAlpha: golden.settings.loraAlpha / 2,
  });
  half.writeParameters(await adapter.readParameters());
  const [scaled, byHand] = [open(1), new GenerationSession(golden.model.decoder, half, 1, 96)];
  const [logits] = await scaled.nextLogits([promptOf(0)], true, 0.5);
  expect(logits).toEqual((await byHand.nextLogits([promptOf(0)], true))[0]);
  expect(logits).not.toEqual((await scaled.nextLogits([promptOf(0)], true))[0]);
  for (const made of [scaled, byHand, half]) made.dispose();
});

test('another strength does not read the cache of the one before, and logits are those the token was chosen from', async () => {
  const session = open(1);
  const ask = async (strength: number): Promise<number[]> => {
    const ids: number[] = [];
    for await (const [[id]] of session.stream([promptOf(1)], { ...settings, strength })) {
      const [logits] = await session.readLogits(1);
      expect(logits.indexOf(Math.max(...logits))).toBe(id); // greedy
      ids.push(id);
    }
    return ids;
  };
  const asked = [await ask(1), await ask(0.5), await ask(1)];
  const [whole] = await session.generate([promptOf(1)], settings);
  expect(asked).toEqual([whole, [...ofPeft[0].tokens], whole]);
  session.dispose();
});

test('tokens that are streamed one by one are those of a batch, and end where the sequence ends', async () => {
  const session = open(2);
  const prompts = [promptOf(0), promptOf(1)];
  const whole = await session.generate(prompts, settings);
  const eosIds = [whole[0][4]];
  const ended = await session.generate(prompts, { ...settings, eosIds });
  expect(ended[0]).toEqual(whole[0].slice(0, whole[0].indexOf(eosIds[0]) + 1));
  expect(await collect(session.stream(prompts, { ...settings, eosIds }), 2)).toEqual(ended);
  session.dispose();
});

test('an answer that is stopped leaves a session that can go on', async () => {
  const session = open(1);
  const talk = promptOf(0);
  const stop = new AbortController();
  const heard: number[] = [];
  for await (const [ids] of session.stream(
    [talk],
    { ...settings, maxNewTokens: 60 },
    { signal: stop.signal },
  )) {
    heard.push(...ids);
    if (heard.length === 3) stop.abort();
  }
  expect(heard).toHaveLength(3);
  const next = [...talk, ...heard, 5];
  const [answer] = await collect(session.stream([next], settings), 1);
  const anew = open(1);
  expect(answer).toEqual((await anew.generate([next], settings))[0]);
  anew.dispose();
  session.dispose();
});

test('two models on one device keep their own panels of decoded weights', async () => {
  const load = (name: string) => loadModel(gpu, goldenFiles(name), 'nf4', () => undefined);
  const logitsOf = async (decoder: Awaited<ReturnType<typeof load>>['decoder']): Promise<Float32Array> => {
    const session = new GenerationSession(decoder, null, 1, 160);
    const long = Array.from({ length: 150 }, (_, i) => 5 + ((i * 7) % 90)); // rows enough for panels
    const [logits] = await session.nextLogits([long], false);
    session.dispose();
    return logits;
  };
  const first = await load('tied-gqa');
  const alone = await logitsOf(first.decoder);
  const second = await load('qwen3-tied-f16');
  await logitsOf(second.decoder);
  expect(await logitsOf(first.decoder)).toEqual(alone);
  second.decoder.dispose();
  expect(await logitsOf(first.decoder)).toEqual(alone);
  first.decoder.dispose();
});
