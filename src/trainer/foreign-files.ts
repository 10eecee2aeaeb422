/** Which files of a folder, or of a zip, are the run that was trained elsewhere. */
import type { ForeignRun, GivenFile } from '../api/exports.ts';
import { TrainerError } from '../support/trainer-error.ts';
import { unzip } from '../support/unzip.ts';

export interface FoundFile {
  readonly name: string; // path, with /
  read(): Promise<Blob>;
}

const stateName = 'trainer_state.json';
const bundleName = 'bundle_config.json'; // one for all checkpoints

/**
 * The trainer_state.json with the most steps, and what lies beside it: a Trainer has one in each checkpoint, and at the end one in the
 * folder above them. @throws TrainerError "checkpoint-invalid"
 */
export async function findRunFiles(files: readonly FoundFile[]): Promise<ForeignRun> {
  const states = files.filter(({ name }) => lastPart(name) === stateName);
  if (states.length === 0)
    throw new TrainerError(
      'checkpoint-invalid',
      `There is no ${stateName} among ${files.length === 1 ? 'what was' : `the ${files.length} files that were`} given: it has the curve of the run. A Trainer writes it into each checkpoint, and train.py of a bundle into its --output.`,
    );
  const found = await Promise.all(
    states.map(async (file) => {
      const content = await file.read();
      return { file, content, step: stepOf(await content.text()) };
    }),
  );
  // Of two with as many steps the one above: it has the sum of the run too.
  found.sort((a, b) => b.step - a.step || a.file.name.length - b.file.name.length);
  const { file, content: state } = found[0];
  const folder = file.name.slice(0, -stateName.length);
  const beside = (name: string): FoundFile | undefined =>
    files.find((one) => one.name === `${folder}${name}`) ??
    files.find((one) => lastPart(one.name) === name && (states.length === 1 || name === bundleName));
  const [config, weights, bundle] = await Promise.all(
    ['adapter_config.json', 'adapter_model.safetensors', bundleName].map(async (name) => {
      const one = beside(name);
      return one === undefined ? null : one.read();
    }),
  );
  if ((config === null) !== (weights === null))
    throw new TrainerError(
      'adapter-invalid',
      `There is ${config === null ? 'adapter_model.safetensors without adapter_config.json' : 'adapter_config.json without adapter_model.safetensors'} beside ${file.name}: give both, or neither.`,
    );
  const adapter =
    config === null || weights === null ? null : { name: 'the adapter of the run', config, weights };
  return { state, adapter, bundle };
}

/** Of a page: files, and what is in zips among them. @throws TrainerError "checkpoint-invalid" */
export async function filesGiven(files: readonly GivenFile[]): Promise<FoundFile[]> {
  const all = await Promise.all(
    files.map(async (file) => (file.path.toLowerCase().endsWith('.zip') ? unpacked(file) : [fileOf(file)])),
  );
  return all.flat();
}

const fileOf = ({ path, content }: GivenFile): FoundFile => ({
  name: path,
  read: () => Promise.resolve(content),
});

const wanted: ReadonlySet<string> = new Set([
  ...[stateName, 'adapter_config.json', 'adapter_model.safetensors', bundleName],
]);

/** Of a checkpoint the optimizer is most: it is not unpacked. */
async function unpacked({ path, content }: GivenFile): Promise<FoundFile[]> {
  const unzipped = await unzip(content, (name) => wanted.has(lastPart(name)));
  if (unzipped.kind === 'broken')
    throw new TrainerError('checkpoint-invalid', `${path} is no whole zip.`, unzipped.reason);
  if (unzipped.kind === 'too-large')
    throw new TrainerError('checkpoint-invalid', `The run in ${path} is larger than 2 GiB. Unpack it first.`);
  return Object.entries(unzipped.files).map(([name, bytes]) => ({
    name,
    read: () => Promise.resolve(new Blob([bytes as BlobPart])),
  }));
}

const lastPart = (name: string): string => name.slice(name.lastIndexOf('/') + 1);

/** −1 where it cannot be read: that is said when it is the only one. */
function stepOf(text: string): number {
  const [, step] = /"global_step"\s*:\s*(\d+)/.exec(text) ?? [];
  return step === undefined ? -1 : Number(step);
}
