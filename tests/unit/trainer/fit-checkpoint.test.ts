import { describe, expect, test } from 'vitest';
import { defaultRunConfig, type RunConfig } from '../../../src/config/run-config.ts';
import { planAdapter } from '../../../src/model/adapter.ts';
import type { ModelConfig } from '../../../src/model/model-config.ts';
import type { Checkpoint } from '../../../src/trainer/checkpoint.ts';
import { checkLayout, resumedSnapshot } from '../../../src/trainer/fit-checkpoint.ts';
import { nothingYet } from '../../../src/trainer/run-progress.ts';
import type { RunIdentity } from '../../../src/trainer/run-identity.ts';

const model = {
  hiddenSize: 64,
  intermediateSize: 128,
  layerCount: 2,
  headCount: 4,
  kvHeadCount: 2,
  headSize: 16,
} as ModelConfig;
const identity: RunIdentity = {
  model: 'tiny',
  dataset: 'rows',
  data: 'aa',
  weights: 'f32:01',
  modelConfig: JSON.parse(JSON.stringify(model)) as RunIdentity['modelConfig'],
};
const values = Float32Array.from([1, 2]);
const best = { step: 2, evalLoss: 1.5 };
const checkpointOf = (changes: Partial<RunConfig> = {}, of: RunIdentity | null = identity): Checkpoint => ({
  snapshot: {
    step: 4,
    parameters: values,
    firstMoment: values,
    secondMoment: values,
    progress: { ...nothingYet, heldOut: { evaluations: 3, best, withoutGain: 1 } },
    best: { ...best, parameters: values },
  },
  config: { ...defaultRunConfig, evalFraction: 0.1, ...changes },
  totalSteps: 9,
  model: 'tiny',
  dataset: 'rows',
  identity: of,
});

describe('values of a checkpoint are not taken for those of another adapter', () => {
  const layoutError = (
    then: Partial<RunConfig>,
    now: Partial<RunConfig>,
    of: RunIdentity | null = identity,
  ) => {
    try {
      checkLayout(checkpointOf(then, of), model, { ...defaultRunConfig, ...now });
    } catch (error) {
      return String(error);
    }
    return 'accepted';
  };
  const count = (changes: Partial<RunConfig>): number =>
    planAdapter(model, { ...defaultRunConfig, ...changes }).elementCount;

  test('those of the same are, whatever else changed, and whatever order its modules are listed in', () => {
    expect(layoutError({}, {})).toBe('accepted');
    expect(layoutError({ learningRate: 1 }, { learningRate: 2 })).toBe('accepted');
    expect(layoutError({}, {}, null)).toBe('accepted');
    expect(
      layoutError({ targetModules: ['q_proj', 'v_proj'] }, { targetModules: ['v_proj', 'q_proj'] }),
    ).toBe('accepted');
    expect(layoutError({ loraDropout: 0.1 }, { loraDropout: 0.2 })).toBe('accepted');
  });

  test.each([
    [{ r: 3 }, { r: 4 }, /r was 3 and is 4/],
    [
      { targetModules: ['k_proj'] },
      { targetModules: ['v_proj'] },
      /k_proj of layer 0 where this adapter has v_proj/,
    ],
    [{ targetModules: ['gate_proj'] }, { targetModules: ['up_proj'] }, /gate_proj of layer 0/],
  ])('%j and %j have as many values, and are told apart', (then, now, message) => {
    expect(count(then)).toBe(count(now));
    expect(layoutError(then, now)).toMatch(message);
    expect(layoutError(then, now, null)).toMatch(message);
  });

  test('fewer modules, and dropout that orders them otherwise, are told apart', () => {
    expect(layoutError({}, { targetModules: ['q_proj'] })).toMatch(/whatever changes are allowed/);
    expect(layoutError({ targetModules: ['q_proj'] }, {})).toMatch(
      /it has k_proj of layer 0 where|it has q_proj of layer 1 where this adapter has k_proj of layer 0/,
    );
    const odd = { r: 4, targetModules: ['q_proj', 'k_proj', 'v_proj'] };
    expect(layoutError({ ...odd, loraDropout: 0 }, { ...odd, loraDropout: 0.1 })).toMatch(/lora_dropout/);
  });

  test('another model is, by its sizes, and one that claims two billion layers is not laid out', () => {
    for (const size of ['layerCount', 'hiddenSize', 'kvHeadCount', 'headSize'] as const) {
      const modelConfig = { ...identity.modelConfig, [size]: 2_000_000_000 };
      expect(layoutError({}, {}, { ...identity, modelConfig })).toContain(`the model's ${size} is`);
    }
    expect(layoutError({}, {}, { ...identity, modelConfig: {} })).toContain('the model');
  });
});

describe('the lowest held-out loss of a checkpoint', () => {
  const resumed = (
    now: Partial<RunConfig>,
    data = 'aa',
    then: Partial<RunConfig> = { loadBestModelAtEnd: true },
  ) => {
    const config = { ...defaultRunConfig, evalFraction: 0.1, loadBestModelAtEnd: true, ...now };
    return resumedSnapshot(checkpointOf(then), { config, identity: { ...identity, data } });
  };

  test('goes on with its adapter where the held-out rows are the same', () => {
    const { snapshot, notes } = resumed({});
    expect(snapshot).toEqual(checkpointOf().snapshot);
    expect(notes).toEqual([]);
  });

  test.each([
    ['the data', {}, 'bb'],
    ['eval_fraction', { evalFraction: 0.2 }, 'aa'],
    ['the seed', { seed: 43 }, 'aa'],
  ] as const)('is forgotten, and that is said, where %s changed', (_what, now, data) => {
    const { snapshot, notes } = resumed(now, data);
    expect(snapshot.best).toBeNull();
    expect(snapshot.progress?.heldOut).toEqual(nothingYet.heldOut);
    expect(notes).toEqual([expect.stringContaining('The rows that are held out are others')]);
    expect(snapshot.parameters).toBe(values);
  });

  test('is forgotten where its adapter was not kept, while the patience of early stopping goes on', () => {
    const checkpoint = checkpointOf();
    const without = { ...checkpoint, snapshot: { ...checkpoint.snapshot, best: null } };
    const config = { ...defaultRunConfig, evalFraction: 0.1, loadBestModelAtEnd: true };
    const { snapshot, notes } = resumedSnapshot(without, { config, identity });
    expect(snapshot.progress?.heldOut).toEqual({ evaluations: 3, best: null, withoutGain: 1 });
    expect(notes).toEqual([expect.stringContaining('(step 2) was not kept')]);
  });

  test('takes no memory where the best is not asked for any more', () => {
    const { snapshot, notes } = resumed({ loadBestModelAtEnd: false });
    expect([snapshot.best, snapshot.progress?.heldOut.best]).toEqual([null, best]);
    expect(notes).toEqual([]);
  });
});
