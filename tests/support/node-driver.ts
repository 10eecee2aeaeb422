/** Whether Dawn has a GPU in Node here: a card's driver, or the software one that comes with the browser. */
import { softwareDriver } from '../../scripts/cli/choose-host.ts';
import { gpuMode } from '../../scripts/cli/gpu-flags.ts';
import { probe } from '../../scripts/cli/probe.ts';

const probed = gpuMode() === 'software' ? null : probe();
export const hasNodeDriver =
  gpuMode() === 'software' ? softwareDriver() !== null : probed !== null && typeof probed === 'object';
