import { expect, test } from 'vitest';
import { createRng } from '../../../src/support/rng.ts';
import {
  afterLoss,
  divergenceSentence,
  freshWatch,
  type LossWatch,
} from '../../../src/trainer/loss-watch.ts';

/** Steps (from 1) at which it is said. */
function saidAt(losses: readonly number[]): number[] {
  const said: number[] = [];
  let watch = freshWatch;
  for (const [i, loss] of losses.entries()) {
    const next = afterLoss(JSON.parse(JSON.stringify(watch)) as LossWatch, loss);
    watch = next.watch;
    if (next.diverges) said.push(i + 1);
  }
  return said;
}
const repeat = (count: number, loss: number): number[] => new Array<number>(count).fill(loss);

test('a loss that jumps far above its start and stays there is said once, after twenty steps', () => {
  expect(saidAt([1.2, 1.1, 1.0, 0.9, ...repeat(50, 7)])).toEqual([24]);
});

test('a rate that ruins the adapter within the first steps is said too', () => {
  expect(saidAt([2, 2, 5, ...repeat(30, 8)])).toEqual([22]);
  expect(saidAt([0.41, 8, 9, ...repeat(30, 6)])).toEqual([21]); // in its very first
});

test.each([
  ['falls', Array.from({ length: 100 }, (_, i) => 3 / (1 + i / 10))],
  ['stays', repeat(100, 2.5)],
  ['is a little above its start', repeat(3, 0.8).concat(repeat(100, 1.7))],
  ['jumps for nineteen steps and comes back', [2, 2, 2, ...repeat(19, 9), 2, ...repeat(19, 9), 2]],
  ['begins with easy rows', [0.3, 0.4, 0.3, ...repeat(100, 1.2)]],
])('a loss that %s is not', (_what, losses) => {
  expect(saidAt(losses)).toEqual([]);
});

test('nor is one of single rows that differ by half a nat and more, for a thousand steps and a hundred seeds', () => {
  for (let seed = 0; seed < 100; seed++) {
    const rng = createRng(seed);
    const normal = (): number =>
      Math.sqrt(-2 * Math.log(1 - rng.next())) * Math.cos(2 * Math.PI * rng.next());
    const losses = Array.from({ length: 1000 }, () => Math.max(0.05, 1.5 + 0.6 * normal()));
    expect(saidAt(losses), `seed ${seed}`).toEqual([]);
  }
});

test('what is said names both losses and what to do', () => {
  const watch = { startSteps: 3, startSum: 3, stepsAbove: 20, isSaid: true };
  expect(divergenceSentence(watch, 8)).toMatch(/20 steps \(it began at 1\.00 and is 8\.00\).*learning_rate/);
});
