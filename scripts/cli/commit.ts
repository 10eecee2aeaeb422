/** Which commit of this project is checked out; null where it is no git clone. */
import { execFileSync } from 'node:child_process';
import { isPackage, projectRoot } from './paths.ts';

export function commitOf(): string | null {
  if (isPackage) return null; // a clone around it is another project's
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
