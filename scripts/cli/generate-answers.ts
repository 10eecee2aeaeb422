/** Answers from the page's own worker in headless Chromium, with progress and Ctrl-C. */
import type { Generation } from '../../src/api/trainer-api.ts';
import type { GeneratePlan } from '../../src/headless/bridge.ts';
import { RunFailure } from './exit.ts';
import { reasonOf } from './inputs.ts';
import { createProgressView } from './progress.ts';
import type { Mount } from './serve.ts';
import { openSession } from './session.ts';

/** One per prompt, in order. `mounts`: what the plan reads of this machine. @throws RunFailure */
export async function generateAnswers(
  plan: GeneratePlan,
  mounts: readonly Mount[],
): Promise<readonly Generation[]> {
  const view = createProgressView(process.stderr);
  const session = await openSession({
    mounts,
    onEvent: (event) => view.show(event),
    say: (line) => view.say(line),
  });
  let wasAsked = false;
  const onSignal = (): void => {
    if (wasAsked) process.exit(1);
    wasAsked = true;
    view.say('Stopping after this batch; again to end at once.');
    session.stopTraining().catch((error: unknown) => view.say(`It could not be stopped: ${reasonOf(error)}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  try {
    const outcome = await session.run((page) =>
      page.evaluate((given) => {
        if (globalThis.altTrainHeadless === undefined) throw new Error('the bridge is gone');
        return globalThis.altTrainHeadless.generate(given);
      }, plan),
    );
    view.end();
    if (!outcome.ok) throw new RunFailure(outcome.error, outcome.hasStarted);
    return outcome.value;
  } finally {
    process.off('SIGINT', onSignal);
    process.off('SIGTERM', onSignal);
    await session.close();
  }
}
