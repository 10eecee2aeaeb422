/** A short training run with one variant of the products: what half precision is held against. */
import { requireRunConfig } from '../../src/config/run-config.ts';
import type { Gpu } from '../../src/device/open-device.ts';
import type { MatmulVariant } from '../../src/device/recorder.ts';
import { sft } from '../../src/objectives/sft.ts';
import { RowPlan } from '../../src/trainer/row-plan.ts';
import { RunControl } from '../../src/trainer/run-control.ts';
import { planTraining } from '../../src/trainer/run-plan.ts';
import { Training } from '../../src/trainer/train.ts';
import type { Golden } from '../gpu/goldens.ts';

/** The loss of every step; the recorder keeps the variant. */
export async function lossCurve(
  gpu: Gpu,
  golden: Golden,
  variant: MatmulVariant,
  steps: number,
): Promise<number[]> {
  gpu.recorder.matmul = variant;
  const adapter = golden.makeAdapter();
  const config = requireRunConfig({ ...golden.json.curve.settings, max_steps: steps });
  const training = await Training.prepare({
    decoder: golden.model.decoder,
    adapter,
    plan: planTraining(new RowPlan(golden.examples, config), config, false),
    objective: sft,
    firstStep: 0,
    control: new RunControl(),
    nowMs: () => performance.now(),
  });
  const found: number[] = [];
  for await (const happened of training.run()) if (happened.kind === 'step') found.push(happened.report.loss);
  training.dispose();
  adapter.dispose();
  return found;
}

/** Largest distance between the losses of a step, of the second curve's. */
export const worstDistance = (curve: readonly number[], exact: readonly number[]): number =>
  Math.max(...exact.map((loss, i) => Math.abs(curve[i] - loss) / loss));
