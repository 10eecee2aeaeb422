/** Which commit of this project is checked out; null where it is no git clone. */
import { execFileSync } from 'node:child_process';
import { projectRoot } from './paths.ts';

export function commitOf(): string | null {
  try {
    const out = execFileSync('git', ['rev-parse', 'HEAD'], {
      cwd: projectRoot,
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    return out.toString().trim();
  } catch {
    return null;
  }
}
