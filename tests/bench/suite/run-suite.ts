/** One run of one suite: device, roof, cases, report. */
import type { BenchEvent, BenchSettings, WorkerReport } from '../protocol.ts';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { attentionCases } from './attention-cases.ts';
import { deviceOf, openEngine } from './engine.ts';
import { generateSuite } from './generate-suite.ts';
import { linearCases } from './linear-cases.ts';
import { memorySuite } from './memory-suite.ts';
import { modelsSuite } from './models-suite.ts';
import { profileSuite } from './profile-suite.ts';
import { openRoof } from './roof.ts';
import { rowCases } from './row-cases.ts';
import { measureRoof, roofOf, runCases, type Rig } from './run-cases.ts';
import { spread } from './statistics.ts';
import { stepSuite } from './step-suite.ts';

/** What a suite found, beside the roof. */
export type SuiteOutcome = Pick<WorkerReport, 'results' | 'leftOut'> &
  Partial<Pick<WorkerReport, 'fits' | 'notes'>>;

async function runOne(rig: Rig): Promise<SuiteOutcome> {
  const { gpu, settings } = rig;
  switch (settings.suite) {
    case 'kernels': {
      const [first, ...rest] = [linearCases(gpu), attentionCases(gpu), rowCases(gpu)];
      // the acceptance shapes and LoRA first, then everything small, then the large products
      return runCases(rig, [...first.slice(0, 13), ...rest.flat(), ...first.slice(13)]);
    }
    case 'step':
      return stepSuite(rig);
    case 'models':
      return modelsSuite(rig);
    case 'profile':
      return profileSuite(rig);
    case 'generate':
      return generateSuite(rig);
    case 'memory':
      return memorySuite(rig);
    case 'peers': {
      if (import.meta.env.SSR) throw new TrainerError('config-invalid', 'peers needs a browser.'); // and no bundle for Node holds them
      const { peersSuite } = await import('../peers/peers-suite.ts'); // other libraries: loaded only here
      return peersSuite(rig);
    }
  }
}

/** Fractions of the roof survive a busy machine roughly, absolute figures do not: whoever reads the report must know. */
function busyNote({ roofSamplesMs }: Rig): string[] {
  const width = spread(roofSamplesMs.arithmetic);
  return width < 0.25
    ? []
    : [
        `The roof itself varied by ${(width * 100).toFixed(0)} % during the run: something else used this machine.`,
      ];
}

export async function runSuite(
  settings: BenchSettings,
  report: (event: BenchEvent) => void,
): Promise<WorkerReport> {
  const gpu = await openEngine();
  const device = deviceOf(gpu);
  report({ kind: 'device', device });
  const startedAtMs = performance.now();
  const roof = await openRoof(gpu, settings.sampleMs);
  const rig: Rig = {
    gpu,
    roof,
    settings,
    startedAtMs,
    roofSamplesMs: { arithmetic: [], copy: [] },
    report,
  };
  try {
    await measureRoof(rig);
    const { results, leftOut, fits = [], notes = [] } = await runOne(rig);
    gpu.assertHealthy();
    return {
      suite: settings.suite,
      device,
      settings,
      roof: roofOf(rig),
      results,
      fits,
      notes: [`roof: ${roof.chosen}`, ...busyNote(rig), ...notes],
      leftOut,
    };
  } finally {
    roof.dispose();
  }
}
