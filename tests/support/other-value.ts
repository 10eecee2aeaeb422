/** For tests over every setting: a value that is accepted and is not the one there is. */
import { fieldOf, type RunConfig, type RunConfigKey } from '../../src/config/run-config.ts';

export function otherValue(config: RunConfig, key: RunConfigKey): RunConfig[RunConfigKey] {
  const field = fieldOf(key);
  const value = config[key];
  switch (field.type) {
    case 'integer':
      return Number(value) < field.max ? Number(value) + 1 : field.max - 1;
    case 'number':
      return Number(value) > field.min ? Number(value) / 2 : 0.5;
    case 'boolean':
      return value !== true;
    case 'choice':
      return field.choices.find((choice) => choice !== value) as RunConfig[RunConfigKey];
    case 'list':
      return field.allowed?.slice(0, 1) ?? ['prompt=instruction', 'completion=response'];
    case 'text':
      return field.form === 'date' ? '2030-01-01' : `${String(value)} Be brief.`;
    default:
      return field satisfies never;
  }
}
