/** Ctrl-C of a command that drives a trainer: the first asks for an end in order, the second ends at once. */
import { reasonOf } from './inputs.ts';

export interface StopSignal {
  readonly wasAsked: () => boolean;
  /** Ctrl-C then ends the process as usual. */
  readonly release: () => void;
}

/** `note`: what is said at the first. */
export function stopOnSignal(
  session: { stop(): Promise<void> },
  say: (line: string) => void,
  note: string,
): StopSignal {
  let wasAsked = false;
  const onSignal = (): void => {
    if (wasAsked) process.exit(1);
    wasAsked = true;
    say(note);
    session.stop().catch((error: unknown) => say(`It could not be stopped: ${reasonOf(error)}`));
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return {
    wasAsked: () => wasAsked,
    release: () => {
      process.off('SIGINT', onSignal);
      process.off('SIGTERM', onSignal);
    },
  };
}
