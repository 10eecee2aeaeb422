/** The settings that affect something, as the table of fields says it: as a list, as values and as a type. */
import {
  fieldOf,
  type runConfigFields,
  runConfigKeys,
  type Effect,
  type RunConfig,
  type RunConfigKey,
} from './run-config.ts';

type Fields = typeof runConfigFields;
type KeyAffecting<E extends Effect> = {
  [K in RunConfigKey]: Extract<Fields[K]['affects'][number], E> extends never ? never : K;
}[RunConfigKey];

/** The settings that affect at least one of `E`. Code that takes no more cannot read any other. */
export type SettingsAffecting<E extends Effect> = Pick<RunConfig, KeyAffecting<E>>;

export const affects = (key: RunConfigKey, ...any: readonly Effect[]): boolean =>
  fieldOf(key).affects.some((effect) => any.includes(effect));

/** In the order of the table. */
export function settingsAffecting<E extends Effect>(
  config: RunConfig,
  ...any: readonly E[]
): SettingsAffecting<E> {
  const keys = runConfigKeys.filter((key) => affects(key, ...any));
  return Object.fromEntries(keys.map((key) => [key, config[key]])) as unknown as SettingsAffecting<E>;
}
