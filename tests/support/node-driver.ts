/** Whether Dawn has a GPU in Node here: a card's driver, or the software one that comes with the browser. Its loader may be missing. */
import { probeNodeHost } from '../../scripts/cli/choose-host.ts';

const probed = probeNodeHost();
export const hasNodeDriver = probed !== null && typeof probed === 'object';
