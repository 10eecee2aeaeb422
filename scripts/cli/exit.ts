/** One way out for every command: the message, the JSON line where asked for, the exit code. */
import { asMessage, guardTerminal, printJson } from './terminal.ts';
import { badInputCodes, toWire, TrainerError, type WireError } from '../../src/support/trainer-error.ts';

/** `hasStarted`: nothing that goes wrong after training began counts as bad input. */
export function exitCodeOf({ code }: WireError, hasStarted: boolean): 1 | 2 {
  return !hasStarted && badInputCodes.includes(code) ? 2 : 1;
}

export function reportFailure(error: WireError, asJson: boolean): void {
  console.error(asMessage(`${error.code}: ${error.message}`));
  if (error.detail !== null && !asJson) console.error(error.detail);
  if (asJson) {
    const { code, message, detail } = error;
    printJson({ ok: false, code, message, detail });
  }
}

/** Thrown where the failure is known to have happened after training began. */
export class RunFailure extends Error {
  readonly wire: WireError;
  readonly hasStarted: boolean;
  constructor(wire: WireError, hasStarted: boolean) {
    super(wire.message);
    this.wire = wire;
    this.hasStarted = hasStarted;
  }
}

/** Runs a command and sets the exit code. */
export async function runCommand(asJson: boolean, command: () => Promise<void>): Promise<void> {
  guardTerminal();
  try {
    await command();
  } catch (error) {
    const isRunFailure = error instanceof RunFailure;
    const wire = isRunFailure ? error.wire : toWire(error);
    reportFailure(wire, asJson);
    process.exitCode = exitCodeOf(wire, isRunFailure && error.hasStarted);
  }
}

export const cancelled = (message: string): TrainerError => new TrainerError('cancelled', message);
