import { expect, test } from 'vitest';
import { takeFolder, takeLoose } from '../../../src/ui/page-drop.ts';
import { toWire } from '../../../src/support/trainer-error.ts';

/** What the page does with these files: of a dropped folder, or loose. */
async function taken(names: readonly string[], isFolder = true): Promise<string> {
  let did = 'nothing';
  const app = {
    setUp: {
      refuseDataset: (_name: string, error: unknown) => {
        const { code, message } = toWire(error);
        did = `${code}: ${message}`;
      },
    },
    useModel: async (source: object) => void (did = `model of ${(source as { files: File[] }).files.length}`),
    useAdapter: (name: string, { length }: readonly File[]) => void (did = `adapter ${name} of ${length}`),
    openRun: async ({ length }: readonly File[]) => void (did = `run of ${length}`),
    useDatasetFile: async ({ name }: File) => void (did = `dataset ${name}`),
  };
  const files = names.map((name) => new File(['x'], name));
  await (isFolder ? takeFolder(app, 'mine', files) : takeLoose(app, files));
  return did;
}

test.each([
  [['config.json', 'tokenizer.json', 'model.safetensors'], 'model of 3'],
  [['config.json', 'train.jsonl'], 'model of 2'], // a model that was saved beside its data
  [['tokenizer.json', 'pytorch_model.bin'], 'model of 2'], // refused as a model, by the name of what it lacks
  [['adapter_config.json', 'adapter_model.safetensors', 'README.md'], 'adapter mine of 3'],
  [['config.json', 'model.safetensors', 'adapter_config.json'], 'model of 3'],
  [['trainer_state.json', 'adapter_config.json', 'adapter_model.safetensors'], 'run of 3'],
  [['trainer_state.json'], 'run of 1'],
  [['README.md'], 'model of 1'],
  [[], 'model of 0'],
  [['train.jsonl'], 'dataset train.jsonl'],
  [['notes.txt', 'part.parquet'], 'dataset part.parquet'],
  [['rows.csv.gz', '.DS_Store'], 'dataset rows.csv.gz'],
])('a dropped folder of %j is taken as %s', async (names, what) => {
  expect(await taken(names)).toBe(what);
});

test('of several files of rows it is asked which, and none is read', async () => {
  expect(await taken(['b.jsonl', 'a.jsonl', 'notes.txt'])).toBe(
    'dataset-ambiguous: The folder "mine" holds 2 files (b.jsonl, a.jsonl). Drop the one that is to be trained on.',
  );
});

test.each([
  [['rows.jsonl'], 'dataset rows.jsonl'],
  [['config.json'], 'dataset config.json'], // refused as what it is
  [['lora.gguf'], 'adapter lora.gguf of 1'],
  [['adapter_config.json', 'adapter_model.safetensors'], 'adapter the dropped files of 2'],
  [['config.json', 'tokenizer.json', 'model.safetensors'], 'model of 3'],
  [['trainer_state.json'], 'run of 1'],
  [['trainer_state.json', 'adapter_config.json', 'adapter_model.safetensors'], 'run of 3'],
  [[], 'nothing'],
])('loose files %j are taken as %s', async (names, what) => {
  expect(await taken(names, false)).toBe(what);
});

test('of several loose files of rows it is asked which', async () => {
  expect(await taken(['a.jsonl', 'b.jsonl'], false)).toMatch(/^dataset-ambiguous: What was dropped holds 2/);
});
