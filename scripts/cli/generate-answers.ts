/** Answers of a model, with progress and Ctrl-C. */
import type { Generation } from '../../src/api/trainer-api.ts';
import type { GeneratePlan } from '../../src/headless/commands.ts';
import { RunFailure } from './exit.ts';
import { createProgressView } from './progress.ts';
import type { Mount } from '../../src/host/node/mounts.ts';
import { openSession, type SessionOptions } from './session.ts';
import { stopOnSignal } from './stop-on-signal.ts';

/** One per prompt, in order. `mounts`: what the plan reads of this machine. @throws RunFailure */
export async function generateAnswers(
  plan: GeneratePlan,
  mounts: readonly Mount[],
  { host, hubUrl }: Pick<SessionOptions, 'host' | 'hubUrl'>,
): Promise<readonly Generation[]> {
  const view = createProgressView(process.stderr);
  const session = await openSession({
    host,
    hubUrl,
    mounts,
    onEvent: (event) => view.show(event),
    say: (line) => view.say(line),
  });
  const note = 'Stopping after this batch; again to end at once.';
  const signal = stopOnSignal(session, (line) => view.say(line), note);
  try {
    const outcome = await session.generate(plan);
    view.end();
    if (!outcome.ok) throw new RunFailure(outcome.error, outcome.hasStarted);
    return outcome.value;
  } finally {
    signal.release();
    await session.close();
  }
}
