/** The kinds of settings that src/config/fields.ts has, and what is said of each. */

/**
 * What changes with a setting. The lists made of it (src/config/effects.ts) are types too, so code that reads a setting for
 * a purpose it is not marked for does not compile.
 */
export type Effect =
  | 'tokens' // which tokens a file becomes: the dataset is read again
  | 'numbers' // what is trained: another value makes another adapter
  | 'length' // how many steps are trained: a run may go on for more of them
  | 'memory' // what lies on the GPU, or whether it fits
  | 'reports'; // what is told or kept beside the training

interface FieldBase<T> {
  readonly file: string; // name in JSON files and on the command line
  readonly affects: readonly Effect[];
  readonly default: T;
  readonly label: string;
  readonly help: string;
  readonly group: 'Training' | 'Optimizer' | 'LoRA' | 'Data' | 'Reports';
}
export interface NumberField extends FieldBase<number> {
  readonly type: 'number' | 'integer';
  readonly min: number;
  readonly max: number;
}
export interface BooleanField extends FieldBase<boolean> {
  readonly type: 'boolean';
}
export interface ChoiceField<T extends string> extends FieldBase<T> {
  readonly type: 'choice';
  readonly choices: readonly T[];
  /** Other ways to write a choice in files and on the command line. */
  readonly aliases?: Readonly<Record<string, T>>;
}
export interface ListField extends FieldBase<readonly string[]> {
  readonly type: 'list';
  readonly allowed: readonly string[] | null; // null: any text
  /** Other ways to write items, and what they mean. */
  readonly aliases?: Readonly<Record<string, readonly string[]>>;
}
export interface TextField extends FieldBase<string> {
  readonly type: 'text';
  readonly form?: 'date'; // 2024-07-26; without it any text
}
export type Field = NumberField | BooleanField | ChoiceField<string> | ListField | TextField;

/** `S` keeps the effects and choices of a field in its type. */
type Spec<F extends Field> = Omit<F, 'type'>;
export const number = <const S extends Spec<NumberField>>(spec: S) => ({ type: 'number', ...spec }) as const;
export const integer = <const S extends Spec<NumberField>>(spec: S) =>
  ({ type: 'integer', ...spec }) as const;
export const boolean = <const S extends Spec<BooleanField>>(spec: S) =>
  ({ type: 'boolean', ...spec }) as const;
export const choice = <const S extends Spec<ChoiceField<string>>>(spec: S) =>
  ({ type: 'choice', ...spec }) as const;
export const text = <const S extends Spec<TextField>>(spec: S) => ({ type: 'text', ...spec }) as const;
export const list = <const S extends Spec<ListField>>(spec: S) => ({ type: 'list', ...spec }) as const;
