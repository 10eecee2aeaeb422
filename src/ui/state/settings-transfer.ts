/** Settings that come from a file or a link, and leave as a link: never data, and nothing is started. */
import { signal, type ReadonlySignal } from '@preact/signals';
import { fieldOf } from '../../config/run-config.ts';
import type { GivenSettings, Settings } from './settings.ts';

export interface SettingsTransfer {
  /** What came of the last file or link; null: there was none, or it was put away. */
  readonly note: ReadonlySignal<TransferNote | null>;
  readonly openFile: (file: File) => Promise<void>;
  readonly openLink: (link: string) => Promise<void>;
  readonly linkTo: (page: string) => string;
  readonly say: (text: string) => void;
  readonly putAway: () => void;
}

export interface TransferNote {
  readonly isRefused: boolean;
  readonly lines: readonly string[];
}

const mark = '#settings=';
/** run_config.json has two kilobytes; a file of TrainingArguments ten. */
const mostBytes = 2 ** 20;

/** @param follow makes a change, then reads model or data again where that asks for it */
export function createSettingsTransfer(
  settings: Settings,
  follow: (change: () => void) => Promise<void>,
): SettingsTransfer {
  const note = signal<TransferNote | null>(null);
  const refuse = (text: string): void => {
    note.value = { isRefused: true, lines: [text] };
  };
  const take = async (name: string, text: string): Promise<void> => {
    let given: unknown;
    try {
      given = JSON.parse(text);
    } catch {
      return refuse(`${name} is not JSON. Settings are an object like run_config.json of a download.`);
    }
    if (typeof given !== 'object' || given === null || Array.isArray(given))
      return refuse(`${name} holds no settings: an object like run_config.json of a download is expected.`);
    await follow(() => {
      note.value = noteOf(name, settings.useGiven(given as Record<string, unknown>));
    });
  };
  return {
    note,
    openFile: async (file) => {
      if (file.size > mostBytes) return refuse(`“${file.name}” is too large for settings.`);
      await take(`“${file.name}”`, await file.text());
    },
    openLink: async (link) => {
      const at = link.indexOf(mark);
      if (at < 0) return;
      let text: string;
      try {
        text = decodeURIComponent(link.slice(at + mark.length));
      } catch {
        return refuse('The link was cut or changed: its settings cannot be read.');
      }
      await take('The link', text);
    },
    linkTo: (page) => `${page.split('#')[0]}${mark}${encodeURIComponent(JSON.stringify(settings.changed()))}`,
    say: (text) => {
      note.value = { isRefused: false, lines: [text] };
    },
    putAway: () => {
      note.value = null;
    },
  };
}

function noteOf(name: string, { taken, unused, problems }: GivenSettings): TransferNote {
  if (problems.length > 0)
    return {
      isRefused: true,
      lines: [`${name} was not taken:`, ...problems.map(({ file, message }) => `${file} ${message}`)],
    };
  const labels = taken.map((key) => fieldOf(key).file).join(', ');
  const lines = taken.length === 0 ? [`${name} sets nothing.`] : [`${name} sets ${labels}.`];
  const without = unused.map(({ file }) => file).join(', ');
  return { isRefused: false, lines: without === '' ? lines : [...lines, `Without effect here: ${without}.`] };
}
