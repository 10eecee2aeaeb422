import { describe, expect, test } from 'vitest';
import type { AllowedChanges } from '../../../src/api/trainer-api.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { writeSafetensors } from '../../../src/adapter/safetensors.ts';
import { affects } from '../../../src/config/effects.ts';
import {
  defaultRunConfig,
  fieldOf,
  runConfigKeys,
  toRawRunConfig,
  type RunConfig,
} from '../../../src/config/run-config.ts';
import { seal } from '../../../src/trainer/file-seal.ts';
import { readCheckpoint, writeCheckpoint, type Checkpoint } from '../../../src/trainer/checkpoint.ts';
import { judgeResume } from '../../../src/trainer/resume.ts';
import { nothingYet } from '../../../src/trainer/run-progress.ts';
import { dataDigest, type RunIdentity } from '../../../src/trainer/run-identity.ts';
import { otherValue } from '../../support/other-value.ts';

const identity: RunIdentity = {
  model: 'tiny',
  dataset: 'rows.jsonl',
  data: 'aa',
  weights: 'f32:01',
  modelConfig: { ropeTheta: 1e4, layerCount: 2 },
};
const config: RunConfig = { ...defaultRunConfig, maxSteps: 12 };
const values = Float32Array.from([1, 2, 3]);
const snapshot = {
  step: 4,
  parameters: values,
  firstMoment: values,
  secondMoment: values,
  progress: null,
  best: null,
};
const file = (then = config): Uint8Array => writeCheckpoint(snapshot, then, identity, 12);

/** As a version wrote it that knew names only. */
function oldFile(then = config): Uint8Array {
  const names = ['parameters', 'firstMoment', 'secondMoment'];
  const { gpu_memory_limit_gb: _unknownThen, ...raw } = toRawRunConfig(then);
  return writeSafetensors(
    names.map((name) => ({ name, dtype: 'F32', shape: [3], data: values })),
    {
      format: 'alttrain-web-checkpoint-1',
      step: '4',
      config: JSON.stringify(raw),
      model: 'tiny',
      dataset: 'rows.jsonl',
    },
  );
}

async function judge(
  now: {
    config?: Partial<RunConfig>;
    identity?: Partial<RunIdentity>;
    totalSteps?: number;
    elements?: number;
  },
  {
    allowChanges = false,
    checkpoint = file(),
  }: { allowChanges?: AllowedChanges; checkpoint?: Uint8Array } = {},
): Promise<readonly string[]> {
  const run = {
    config: { ...config, ...now.config },
    identity: { ...identity, ...now.identity },
    totalSteps: now.totalSteps ?? 12,
    elementCount: now.elements ?? 3,
  };
  return judgeResume(await readCheckpoint(checkpoint), run, allowChanges).notes;
}
const refusal = async (judged: Promise<unknown>): Promise<string> =>
  judged.then(
    () => 'not refused',
    (error: unknown) => (error instanceof TrainerError ? `${error.code}: ${error.message}` : String(error)),
  );

describe('a checkpoint', () => {
  test('comes back as it was written', async () => {
    const back: Checkpoint = await readCheckpoint(file());
    expect(back).toEqual({
      snapshot,
      config,
      totalSteps: 12,
      model: 'tiny',
      dataset: 'rows.jsonl',
      identity,
    });
  });

  test.each([
    ['cut off in its values', (bytes: Uint8Array) => bytes.slice(0, -5)],
    ['cut off in its header', (bytes: Uint8Array) => bytes.slice(0, 100)],
    ['empty', () => new Uint8Array(0)],
    ['of another format', () => writeSafetensors([], { format: 'else' })],
    ['without settings', () => writeSafetensors([], { format: 'alttrain-web-checkpoint-1' })],
    [
      'without values',
      () => writeSafetensors([], { format: 'alttrain-web-checkpoint-1', config: '{}', step: '1' }),
    ],
  ])('that is %s is refused', async (_what, damage) => {
    expect(await refusal(readCheckpoint(damage(file())))).toMatch(/^checkpoint-invalid: The /);
  });
});

describe('what no run can have written is refused', () => {
  const written = (changes: { metadata?: Record<string, string>; values?: Record<string, Float32Array> }) => {
    const { metadata = {}, values: others = {} } = changes;
    const tensors = { parameters: values, firstMoment: values, secondMoment: values, ...others };
    return writeSafetensors(
      Object.entries(tensors).map(([name, data]) => ({ name, dtype: 'F32', shape: [data.length], data })),
      {
        format: 'alttrain-web-checkpoint-1',
        step: '4',
        total_steps: '12',
        config: JSON.stringify(toRawRunConfig(config)),
        model: 'tiny',
        dataset: 'rows.jsonl',
        data: 'aa',
        weights: 'f32:01',
        model_config: '{}',
        progress: 'null',
        ...metadata,
      },
    );
  };
  const refusalOf = (changes: Parameters<typeof written>[0]) => refusal(readCheckpoint(written(changes)));

  test('while the same without the fault is read', async () => {
    expect((await readCheckpoint(written({}))).snapshot.step).toBe(4);
  });

  test.each(['-1', '1e300', '4.5', '', ' 4', '0x4', 'NaN', 'Infinity', '9007199254740993', '13', '４'])(
    'step "%s"',
    async (step) => {
      expect(await refusalOf({ metadata: { step } })).toMatch(/^checkpoint-invalid: /);
    },
  );

  test.each(['-1', '', 'many', '1e9'])('total_steps "%s"', async (total) => {
    expect(await refusalOf({ metadata: { total_steps: total } })).toMatch(
      /^checkpoint-invalid: .*total_steps/,
    );
  });

  test.each(['parameters', 'firstMoment', 'secondMoment'])(
    '%s that are not finite, or too few',
    async (name) => {
      for (const bad of [NaN, Infinity, -Infinity])
        expect(await refusalOf({ values: { [name]: Float32Array.from([1, bad, 3]) } })).toMatch(
          new RegExp(`^checkpoint-invalid: Value 1 of "${name}"`),
        );
      expect(await refusalOf({ values: { [name]: Float32Array.from([1, 2]) } })).toMatch(
        /^checkpoint-invalid: .*do not fit each other/,
      );
    },
  );

  test('a second moment below 0, and values in another type or shape', async () => {
    const below = { secondMoment: Float32Array.from([1, -1e-9, 3]) };
    expect(await refusalOf({ values: below })).toMatch(/^checkpoint-invalid: .*secondMoment/);
    const square = writeSafetensors(
      ['parameters', 'firstMoment', 'secondMoment'].map((name) => ({
        name,
        dtype: 'F32',
        shape: [3, 1],
        data: values,
      })),
      { format: 'alttrain-web-checkpoint-1', step: '4', config: '{}' },
    );
    expect(await refusal(readCheckpoint(square))).toMatch(/^checkpoint-invalid: .*no list of float32/);
  });

  test.each([
    ['config', 'null'],
    ['config', '[]'],
    ['config', '{'],
    ['model_config', 'null'],
    ['model_config', '3'],
    ['progress', '[]'],
    ['progress', '{"window": null}'],
    ['progress', '{"lossFirst": "2"}'],
    ['progress', '{"trainMs": -1}'],
    ['progress', '{"before": {"suites": [null], "newTokens": 0, "seconds": 0}}'],
    ['progress', '{"skipped": {"total": 1}}'],
    ['progress', '{"heldOut": {"evaluations": 1, "withoutGain": 0, "best": {"step": 1}}}'],
    ['progress', '{"watch": null}'],
  ])('%s %s', async (name, text) => {
    expect(await refusalOf({ metadata: { [name]: text } })).toMatch(
      new RegExp(`^checkpoint-invalid: .*"${name}"`),
    );
  });

  test('a best adapter without its step, of another size, or not finite', async () => {
    const best = { best: Float32Array.from([1, 2, 3]) };
    const metadata = { best: '{"step": 2, "evalLoss": 1.5}' };
    const { snapshot: back } = await readCheckpoint(written({ values: best, metadata }));
    expect(back.best).toEqual({ step: 2, evalLoss: 1.5, parameters: best.best });
    for (const text of ['{}', 'null', '{"step": -1, "evalLoss": 1}', '{"step": 2, "evalLoss": null}'])
      expect(await refusalOf({ values: best, metadata: { best: text } })).toMatch(
        /^checkpoint-invalid: .*best/,
      );
    for (const parameters of [Float32Array.from([1, 2]), Float32Array.from([1, NaN, 3])])
      expect(await refusalOf({ values: { best: parameters }, metadata })).toMatch(/^checkpoint-invalid: /);
  });
});

test('a checkpoint of an older version counts as it began: nothing skipped, no held-out loss known', async () => {
  const { window: _window, skipped: _skipped, heldOut: _heldOut, watch: _watch, ...older } = nothingYet;
  const progress = { ...older, lossFirst: 3, lossLast: 2 };
  const back = await readCheckpoint(
    writeCheckpoint({ ...snapshot, progress: progress as typeof nothingYet }, config, identity, 12),
  );
  expect(back.snapshot.progress).toEqual({ ...nothingYet, lossFirst: 3, lossLast: 2 });
});

test('one of a longer run that was resumed as a shorter one is read again', async () => {
  const back = await readCheckpoint(writeCheckpoint(snapshot, config, identity, 3));
  expect([back.snapshot.step, back.totalSteps]).toEqual([4, 4]);
});

test('a sealed checkpoint tells of any bit that changed, and is what it was without', async () => {
  const sealed = await seal(file());
  expect((await readCheckpoint(sealed)).snapshot).toEqual(snapshot);
  const places = [...Array(40).keys()].map((i) => Math.floor((i / 40) * sealed.length));
  const unnoticed: number[] = [];
  for (const place of [...places, sealed.length - 1]) {
    const changed = sealed.slice();
    changed[place] ^= 2;
    if (!(await refusal(readCheckpoint(changed))).startsWith('checkpoint-invalid')) unnoticed.push(place);
  }
  expect(unnoticed).toEqual([]);
});

describe('a run goes on from its checkpoint', () => {
  test('with what it was made with, and with other reports or another memory limit', async () => {
    expect(await judge({})).toEqual(['Resumed after step 4 of 12']);
    const free: Partial<RunConfig> = {
      gpuMemoryLimitGb: 2,
      loggingSteps: 5,
      saveSteps: 1,
      evalSteps: 3,
      sampleSteps: 2,
      samplePrompts: ['Hi'],
      gradientCheckpointing: 'on',
    };
    expect(await judge({ config: free })).toEqual(['Resumed after step 4 of 12']);
  });

  test('with another length, which is said', async () => {
    const [, note] = await judge({ config: { maxSteps: 20 }, totalSteps: 20 });
    expect(note).toMatch(/planned for 12 steps and now has 20.*schedule of 20 steps/);
  });

  test('not with other settings: each is named as in files, with both values', async () => {
    const message = await refusal(judge({ config: { learningRate: 1, perDeviceTrainBatchSize: 8 } }));
    expect(message).toMatch(/^checkpoint-invalid: /);
    expect(message).toContain('learning_rate was 0.0001 and is 1');
    expect(message).toContain('per_device_train_batch_size was 4 and is 8');
    expect(message).toContain('--allow-changes');
    expect(message).not.toMatch(/learningRate|perDevice/);
  });

  // What the table says of each is held against trained bytes in tests/worker/settings.test.ts.
  test.each(runConfigKeys)(
    'with another %s just where the table says that it changes no numbers',
    async (key) => {
      const changed = { config: { [key]: otherValue(config, key) } };
      const judged = await refusal(judge(changed));
      if (affects(key, 'numbers')) expect(judged).toContain(`${fieldOf(key).file} was `);
      else expect(judged).toBe('not refused');
      // Where the tokens became others, the settings that made them are named.
      const withOtherData = await refusal(judge({ ...changed, identity: { data: 'bb' } }));
      expect(withOtherData).toContain('the data are others');
      expect(withOtherData.includes(`${fieldOf(key).file} was `)).toBe(affects(key, 'numbers', 'tokens'));
    },
  );

  test('not with other data, whatever their name; a setting of reading counts only where the tokens differ', async () => {
    expect(await refusal(judge({ identity: { data: 'bb' } }))).toContain('the data are others');
    expect(await judge({ identity: { dataset: 'renamed.jsonl' } })).toEqual(['Resumed after step 4 of 12']);
    expect(await judge({ config: { maxLength: 2048 } })).toEqual(['Resumed after step 4 of 12']);
    expect(await refusal(judge({ config: { maxLength: 64 }, identity: { data: 'bb' } }))).toContain(
      'max_length was 1024 and is 64',
    );
    const packed = file({ ...config, packing: true });
    const longer = judge({ config: { packing: true, maxLength: 2048 } }, { checkpoint: packed });
    expect(await refusal(longer)).toContain('max_length'); // the size of a pack
  });

  test('not with other weights of the same shape, nor with another configuration of the model', async () => {
    expect(await refusal(judge({ identity: { weights: 'f32:02' } }))).toContain('weights are others ("tiny"');
    expect(await judge({ identity: { model: 'moved' } })).toEqual(['Resumed after step 4 of 12']);
    const turned = { ropeTheta: 1e6, layerCount: 2, added: true };
    expect(await refusal(judge({ identity: { modelConfig: turned } }))).toContain('("tiny": rope_theta)');
  });

  test('not in nf4 from a version that held embedding and head in nf4 too, and both formats are named', async () => {
    const nf4 = { quantization: 'nf4' } as const;
    const then = { ...config, ...nf4 };
    const now = { config: nf4, identity: { weights: 'nf4+int8:01' } };
    const before = writeCheckpoint(snapshot, then, { ...identity, weights: 'nf4:01' }, 12);
    const words = /base is held otherwise \(embedding and head were nf4 .* and are int8 .*--allow-changes/;
    expect(await refusal(judge(now, { checkpoint: before }))).toMatch(words);
    expect(await refusal(judge(now, { checkpoint: oldFile(then) }))).toMatch(words);
    const notes = await judge(now, { checkpoint: before, allowChanges: true });
    expect(notes.at(-1)).toContain('Changed since the checkpoint: the base is held otherwise');
    // the controls: this version's own checkpoint, and one of other layers, whose setting says it
    const own = writeCheckpoint(snapshot, then, { ...identity, weights: 'nf4+int8:01' }, 12);
    expect(await judge(now, { checkpoint: own })).toEqual(['Resumed after step 4 of 12']);
    const other = await refusal(judge(now));
    expect(other).toContain('quantization was "none" and is "nf4"');
    expect(other).not.toContain('held otherwise');
  });

  test('with the settings that were asked for and what follows of them, and nothing else', async () => {
    const batch = { perDeviceTrainBatchSize: 1, gradientAccumulationSteps: 8 };
    const asked = ['perDeviceTrainBatchSize', 'gradientAccumulationSteps'] as const;
    const notes = await judge({ config: batch }, { allowChanges: asked });
    expect(notes.filter((note) => note.startsWith('Changed since the checkpoint: '))).toHaveLength(2);
    expect(await refusal(judge({ config: batch }, { allowChanges: ['maxLength'] }))).toContain(
      'per_device_train_batch_size was',
    );
    const more = { ...batch, learningRate: 1 };
    const refused = await refusal(judge({ config: more }, { allowChanges: asked }));
    expect(refused).toContain('learning_rate was');
    expect(refused).not.toContain('per_device_train_batch_size');
    // Other tokens of the same file are what another max_length makes.
    const shorter = { config: { maxLength: 64 }, identity: { data: 'other' } };
    expect(await judge(shorter, { allowChanges: ['maxLength'] })).toContainEqual(
      expect.stringContaining('the data are others'),
    );
    expect(await refusal(judge(shorter, { allowChanges: asked }))).toContain('the data are others');
    // With max_length as it was, other data are another file, whatever is allowed.
    const otherFile = { config: batch, identity: { data: 'other' } };
    expect(await refusal(judge(otherFile, { allowChanges: [...asked, 'maxLength'] }))).toContain(
      'the data are others',
    );
    const coarser = { config: { quantization: 'nf4' as const }, identity: { weights: 'nf4+int8:02' } };
    expect(await judge(coarser, { allowChanges: ['quantization'] })).toHaveLength(2);
    expect(await refusal(judge(coarser, { allowChanges: asked }))).toContain('quantization was');
    const otherWeights = { identity: { weights: 'f32:02' } };
    expect(await refusal(judge(otherWeights, { allowChanges: ['quantization'] }))).toContain('weights');
  });

  test('with all of it where that was asked for, and then it is listed', async () => {
    const changed = { config: { learningRate: 1 }, identity: { data: 'bb', weights: 'f32:02' } };
    const notes = await judge(changed, { allowChanges: true });
    expect(notes.filter((note) => note.startsWith('Changed since the checkpoint'))).toHaveLength(3);
    expect(await refusal(judge({ elements: 4 }, { allowChanges: true }))).toMatch(
      /checkpoint-invalid: .*does not fit/,
    );
  });

  test('of an earlier version with a note, and only with a model of the same name', async () => {
    const checkpoint = oldFile();
    const notes = await judge({}, { checkpoint });
    expect(notes.at(-1)).toContain('by name only');
    expect(await refusal(judge({ identity: { model: 'other' } }, { checkpoint }))).toContain('"tiny"');
    expect(await refusal(judge({ config: { maxLength: 64 } }, { checkpoint }))).toContain('max_length');
  });
});

test('the digest of data sees a token, what is trained, the order, and where rows begin', async () => {
  const row = (line: number, tokens: number[], isTarget = tokens.map((_, t) => Math.min(t, 1))) => ({
    line,
    tokens: Int32Array.from(tokens),
    isTarget: Uint8Array.from(isTarget),
  });
  const rows = [row(1, [1, 2, 3]), row(2, [4, 5])];
  const others = [
    [row(1, [1, 2, 4]), row(2, [4, 5])],
    [row(1, [1, 2, 3], [0, 0, 1]), row(2, [4, 5])],
    [row(1, [4, 5]), row(2, [1, 2, 3])],
    [row(1, [1, 2, 3]), row(1, [4, 5])],
    [row(1, [1, 2]), row(2, [3, 4, 5])],
    [row(1, [1, 2, 3])],
  ];
  const digests = await Promise.all([rows, ...others].map(dataDigest));
  expect(new Set(digests).size).toBe(7);
  expect(await dataDigest([row(7, [1, 2, 3]), row(9, [4, 5])])).toBe(digests[0]); // blank lines move numbers
  const weighted = (...weights: number[]) =>
    dataDigest([{ ...row(1, [1, 2, 3]), weights: Float32Array.from(weights) }, row(2, [4, 5])]);
  expect(new Set([digests[0], await weighted(0, 1, 2), await weighted(0, 2, 1)]).size).toBe(3);
});
