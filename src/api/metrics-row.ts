/** Rows of metrics.jsonl, under the names of transformers' log history; the worker and the command line write the same. */
import type { SampleTrace, StepReport } from './trainer-api.ts';

export function stepRow(report: StepReport): Record<string, number> {
  return {
    step: report.step,
    epoch: report.epoch,
    loss: report.loss,
    learning_rate: report.learningRate,
    grad_norm: report.gradNorm,
    target_tokens: report.targetTokens,
    tokens_per_second: report.tokensPerSecond,
    step_ms: report.stepMs,
    gpu_bytes: report.gpuBytes,
  };
}

export const sampleTexts = (
  samples: readonly SampleTrace[],
): { prompt: string; base: string; adapter: string }[] =>
  samples.map(({ prompt, base, adapter }) => ({ prompt, base: base.text, adapter: adapter.text }));
