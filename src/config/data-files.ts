/** Endings of the files that a dataset may be; data/read-rows.ts reads them, by their content first. */
export const dataFileEndings = ['jsonl', 'ndjson', 'json', 'csv', 'tsv', 'tab', 'parquet'] as const;

/** For an <input type="file">. */
export const acceptedDataFiles = [...dataFileEndings, 'gz'].map((ending) => `.${ending}`).join(',');

export const isDataFile = (path: string): boolean =>
  new RegExp(`\\.(${dataFileEndings.join('|')})(\\.gz)?$`, 'i').test(path);
