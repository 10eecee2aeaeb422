/** The app tests drive the built page: build it when it is missing or older than the sources. */
import { ensureDist } from '../../scripts/cli/build.ts';

export default async function setup(): Promise<void> {
  await ensureDist({ say: (line) => console.log(line) });
}
