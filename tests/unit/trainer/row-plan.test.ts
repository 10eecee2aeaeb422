// What a run holds of its rows is looked up, not gone through again, and is the most that any batch can hold.
import { describe, expect, test } from 'vitest';
import { affects } from '../../../src/config/effects.ts';
import { defaultRunConfig, runConfigKeys, type RunConfig } from '../../../src/config/run-config.ts';
import type { TokenizedExample } from '../../../src/data/mask.ts';
import { createRng, shuffled } from '../../../src/support/rng.ts';
import { BatchPlan } from '../../../src/trainer/batch-plan.ts';
import { RowPlan, RowPlans } from '../../../src/trainer/row-plan.ts';
import { planTraining } from '../../../src/trainer/run-plan.ts';
import { otherValue } from '../../support/other-value.ts';

const rng = createRng(5);
const rows: TokenizedExample[] = Array.from({ length: 60 }, (_, line) => {
  const tokens = Int32Array.from({ length: 3 + Math.floor(rng.next() * 40) }, () =>
    Math.floor(rng.next() * 500),
  );
  const isTarget = Uint8Array.from(tokens, (_token, t) => (t > 0 && rng.next() < 0.6 ? 1 : 0));
  return {
    line,
    tokens,
    isTarget,
    targetCount: isTarget.filter((flag) => flag === 1).length,
    truncated: false,
  };
});
const config: RunConfig = { ...defaultRunConfig, maxLength: 64, evalFraction: 0.2, numTrainEpochs: 1 };

/** Counts how often a row is looked at. */
function watchedRows() {
  const looks = { count: 0 };
  const watched = new Proxy(rows, {
    get: (target, name, receiver) => {
      if (typeof name === 'string' && /^\d+$/.test(name)) looks.count++;
      return Reflect.get(target, name, receiver) as unknown;
    },
  });
  return { plans: new RowPlans(watched), looks };
}

describe('the rows of a dataset', () => {
  const deciding = ['packing', 'maxLength', 'evalFraction', 'seed'];
  test.each(runConfigKeys)(
    'are gone through again for another %s just where it decides about rows',
    (key) => {
      const { plans, looks } = watchedRows();
      planTraining(plans.for(config), config, true);
      const before = looks.count;
      expect(before).toBeGreaterThanOrEqual(rows.length);
      const changed: RunConfig = { ...config, [key]: otherValue(config, key) };
      planTraining(plans.for(changed), changed, true);
      expect(looks.count > before).toBe(deciding.includes(key));
      if (deciding.includes(key)) expect(affects(key, 'memory')).toBe(true);
    },
  );

  test('are gone through once for a shorter length that is tried, however often', () => {
    const { plans, looks } = watchedRows();
    const plan = plans.for(config);
    plan.size({ ...config, maxLength: 16 }, true);
    const before = looks.count;
    for (const perDeviceTrainBatchSize of [1, 2, 3])
      plan.size({ ...config, perDeviceTrainBatchSize, maxLength: 16 }, true);
    expect(looks.count).toBe(before);
  });

  test('a seed changes nothing where no row is held out', () => {
    const { plans } = watchedRows();
    const all = { ...config, evalFraction: 0 };
    expect(plans.for({ ...all, seed: 1 })).toBe(plans.for({ ...all, seed: 2 }));
    expect(plans.for({ ...config, seed: 1 })).not.toBe(plans.for({ ...config, seed: 2 }));
  });
});

describe.each([{ packing: false }, { packing: true }])('%j', ({ packing }) => {
  const settings: RunConfig = {
    ...config,
    packing,
    perDeviceTrainBatchSize: 3,
    gradientAccumulationSteps: 2,
  };
  const widthOf = (batch: readonly number[]): number =>
    batch.reduce((sum, row) => sum + rows[row].tokens.length - 1, 0);
  const targetsOf = (batch: readonly number[]): number =>
    batch.reduce((sum, row) => sum + rows[row].targetCount, 0);

  test('no batch of any order is wider than the plan, and the widest order is as wide', () => {
    const { rows: plan, size } = planTraining(new RowPlan(rows, settings), settings, true);
    const widest = { rows: 0, lossRows: 0 };
    const look = (windows: readonly (readonly number[])[]): void => {
      widest.rows = Math.max(widest.rows, ...windows.map(widthOf));
      widest.lossRows = Math.max(widest.lossRows, targetsOf(windows.flat()));
    };
    const orders = [
      plan.units.toSorted((a, b) => widthOf(b) - widthOf(a)),
      plan.units.toSorted((a, b) => targetsOf(b) - targetsOf(a)),
      ...Array.from({ length: 50 }, (_, seed) => shuffled([...plan.units], createRng(seed))),
    ];
    for (const order of orders) {
      const batches = new BatchPlan(order, { ...settings, shuffle: false });
      for (let step = 0; step < batches.stepsPerEpoch; step++) look(batches.window(step));
    }
    expect(size).toMatchObject({
      ...widest,
      checkpointing: true,
      longest: Math.max(...rows.map(({ tokens }) => tokens.length)),
    });
  });

  test('held-out rows are in no batch, and the others are in one each', () => {
    const { rows: plan, batches } = planTraining(new RowPlan(rows, settings), settings, true);
    const steps = Array.from({ length: batches.totalSteps }, (_, step) => batches.window(step));
    expect(steps.flat(2).toSorted((a, b) => a - b)).toEqual(plan.split.train);
    expect(plan.split.evaluation).toHaveLength(12);
  });

  test('a shorter length that is tried counts what rows cut there would hold', () => {
    const cut = rows.map((row) => {
      const isTarget = row.isTarget.slice(0, 16);
      const targetCount = isTarget.filter((flag) => flag === 1).length;
      return { ...row, tokens: row.tokens.slice(0, 16), isTarget, targetCount };
    });
    const shorter = { ...settings, maxLength: 16, evalFraction: 0 };
    expect(new RowPlan(rows, { ...settings, evalFraction: 0 }).size(shorter, false)).toEqual(
      new RowPlan(cut, shorter).size(shorter, false),
    );
  });
});
