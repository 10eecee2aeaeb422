// Packed = unpacked on the device: rows of a pack give the loss and the gradients they give one by one, and never see each other.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { toBatch, type Batch } from '../../src/data/batch.ts';
import { packRows } from '../../src/data/packing.ts';
import type { TokenizedExample } from '../../src/data/mask.ts';
import type { Gpu } from '../../src/device/open-device.ts';
import { toModules, type Adapter } from '../../src/model/adapter.ts';
import { TrainingPass } from '../../src/model/training-pass.ts';
import { lossSumOf, meanCoefficients } from '../support/mean-loss.ts';
import { openGolden, type Golden } from './goldens.ts';
import { assertHealthyAfterEach, openTestDevice, relativeError } from './open.ts';

const SAME = 1e-5; // relative: only the order of float32 sums differs

let gpu: Gpu;
let golden: Golden;
let rows: readonly TokenizedExample[];
beforeAll(async () => {
  gpu = await openTestDevice();
  golden = await openGolden(gpu, 'tied-gqa');
  rows = golden.examples.slice(0, 8);
});
afterAll(() => golden.model.decoder.dispose());
assertHealthyAfterEach(() => gpu);

/** Σ losses and gradients over micro-batches, as a training step accumulates them. */
async function stepOver(batches: readonly Batch[]) {
  const adapter: Adapter = golden.makeAdapter();
  const sum = (value: (batch: Batch) => number): number => batches.reduce((n, batch) => n + value(batch), 0);
  const targets = sum((batch) => batch.targetCount);
  const pass = new TrainingPass(golden.model.decoder, adapter, {
    rows: Math.max(...batches.map(({ tokenCount }) => tokenCount)),
    lossRows: targets,
    checkpointing: false,
  });
  let offset = 0;
  for (const batch of batches) {
    pass.accumulate(batch, offset, meanCoefficients(batch, targets), 1);
    offset += batch.targetCount;
  }
  const lossSum = lossSumOf((await pass.readReport(targets)).logProbs);
  const gradients = await gpu.memory.readFloat32(adapter.gradients);
  const blocks = toModules(adapter.plan, golden.settings, gradients).flatMap(({ layer, target, a, b }) => [
    { name: `${layer} ${target} A`, values: a },
    { name: `${layer} ${target} B`, values: b },
  ]);
  pass.dispose();
  adapter.dispose();
  return { lossSum, targets, blocks };
}

test('rows packed first-fit decreasing have the loss and every gradient of the rows one by one', async () => {
  const packs = packRows(
    rows.map(({ tokens }) => tokens.length),
    128,
  );
  expect(packs.length).toBeLessThan(rows.length);
  const packed = await stepOver(packs.map((pack) => toBatch(pack.map((row) => rows[row]))));
  const single = await stepOver(rows.map((row) => toBatch([row])));
  expect(packed.targets).toBe(single.targets);
  expect(relativeError([packed.lossSum], [single.lossSum])).toBeLessThan(SAME);
  expect(packed.blocks).toHaveLength(
    golden.settings.targetModules.length * 2 * golden.model.config.layerCount,
  );
  for (const [i, { name, values }] of packed.blocks.entries())
    expect(relativeError(values, single.blocks[i].values), name).toBeLessThan(SAME);

  // The control: one row for another is seen.
  const other = await stepOver([rows[0], ...rows.slice(0, -1)].map((row) => toBatch([row])));
  expect(relativeError(packed.blocks[0].values, other.blocks[0].values)).toBeGreaterThan(100 * SAME);
});

test('a token of one row never changes the loss of another row in its pack', async () => {
  const without = (row: TokenizedExample): TokenizedExample => ({
    ...row,
    isTarget: new Uint8Array(row.tokens.length),
    targetCount: 0,
  });
  const changed = (row: TokenizedExample): TokenizedExample => ({
    ...row,
    tokens: row.tokens.map((token, t) => (t === 3 ? (token + 1) % 256 : token)),
  });
  for (const position of [0, 1, 2]) {
    const pack = rows.slice(0, 3);
    const lossOf = (replace: (row: TokenizedExample) => TokenizedExample): Promise<{ lossSum: number }> =>
      stepOver([toBatch(pack.map((row, i) => (i === position ? replace(row) : row)))]);
    // The changed row's own targets are left out: what remains is the loss of the others, to the bit.
    const before = await lossOf(without);
    const after = await lossOf((row) => without(changed(row)));
    expect(after.lossSum).toBe(before.lossSum);
    // The control: its own loss does change.
    const [own, ownChanged] = [await lossOf((row) => row), await lossOf(changed)];
    expect(ownChanged.lossSum).not.toBe(own.lossSum);
  }
});
