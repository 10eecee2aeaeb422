/** Code that is loaded when it is needed. */
import { TrainerError } from './trainer-error.ts';

/** @throws TrainerError "network-failed" where it does not come: no connection, or another version of the page was put in its place */
export async function lateCode<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    throw new TrainerError(
      'network-failed',
      'A part of this program could not be loaded: the connection is gone, or the page was renewed where it comes from. Nothing that is kept is lost.',
      String(error),
    );
  }
}
