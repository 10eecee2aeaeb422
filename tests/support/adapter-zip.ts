/** What the page's download holds. */
export const adapterZipNames = [
  'README.md',
  'adapter_config.json',
  'adapter_model.safetensors',
  'metrics.jsonl',
  'run_config.json',
];
