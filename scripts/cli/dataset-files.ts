/** A dataset as files to read in this process: from this machine, built in, or downloaded from the hub. */
import { basename, join } from 'node:path';
import { oneFile, type DatasetFiles } from '../../src/data/read-files.ts';
import { openDiskFile } from './disk-file.ts';
import { datasetInput, datasetsFolder, type HubAccess } from './inputs.ts';
import { createProgressView } from './progress.ts';

/** @throws TrainerError "dataset-unreadable", and those of the hub */
export async function openDataset(name: string, hub: HubAccess): Promise<DatasetFiles> {
  const { served, mounts } = datasetInput(name, hub);
  if (served.kind !== 'hub') {
    const path = served.kind === 'builtin' ? join(datasetsFolder, `${served.name}.jsonl`) : mounts[0].path;
    return oneFile(basename(path), openDiskFile(path));
  }
  const { downloadHubDataset } = await import('../../src/hub/hub-dataset.ts'); // the hub's library, only where it is used
  const view = createProgressView(process.stderr);
  try {
    return await downloadHubDataset(served, {
      onTransfer: ({ file, ...transfer }) =>
        view.show({ kind: 'load', progress: { ...transfer, note: file } }),
    });
  } finally {
    view.end();
  }
}
