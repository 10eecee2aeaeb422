/** `npm run build:package`, which `npm pack` starts: the page, both libraries with their types, and the commands. */
import { ensureDist, ensureNode, ensurePackage } from './cli/build.ts';

const say = (line: string): void => console.error(line); // what npm pack --json prints is read by programs
await ensureDist({ say });
await ensureNode({ say });
await ensurePackage({ say });
