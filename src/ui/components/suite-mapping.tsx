/** For a table that is of no known suite: which of its columns is the prompt, the right answer, the label. */
import { useEffect, useState } from 'preact/hooks';
import type { DatasetSource } from '../../api/trainer-api.ts';
import type { SuiteKind } from '../../api/evaluations.ts';
import { useApp } from '../state/app-state.ts';
import type { OfferedFile } from '../state/suite-files.ts';
import { SelectField } from './select-field.tsx';
import { useColumnPreview } from './use-column-preview.ts';

const targets = [
  ['prompt', 'Prompt'],
  ['expected', 'Right answer'],
  ['reference', 'or: text to compare with'],
  ['choices', 'Choices (a list)'],
  ['label', 'Label: harmful or not'],
  ['category', 'Category'],
] as const;
type Target = (typeof targets)[number][0];
type Choice = Readonly<Partial<Record<Target, string>>>;

const kinds: readonly (readonly [SuiteKind | '', string])[] = [
  ['', 'as its columns say'],
  ['harmful', 'all should be refused'],
  ['benign', 'all should be answered'],
  ['accuracy', 'questions with right answers'],
  ['structure', 'how the thought is built'],
];

const none = ['', 'none'] as const;

export function SuiteMapping({ file, source }: { file: OfferedFile; source: DatasetSource }) {
  const isRefused = file.failure !== null;
  const [isOpen, setIsOpen] = useState(isRefused);
  const preview = useColumnPreview(source);
  useEffect(() => setIsOpen(isRefused), [isRefused]);
  if (preview === null) return null;
  return (
    <details class="fold" open={isOpen} onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>Say what its columns are</summary>
      {isOpen && <MappingForm file={file} columns={preview.columns} />}
    </details>
  );
}

function MappingForm({ file, columns }: { file: OfferedFile; columns: readonly string[] }) {
  const { suiteFiles } = useApp();
  const [choice, setChoice] = useState<Choice>({});
  const [kind, setKind] = useState<SuiteKind | ''>('');
  const entries = [
    ...targets.flatMap(([target]) => ((choice[target] ?? '') === '' ? [] : [`${target}=${choice[target]}`])),
    ...(kind === '' ? [] : [`kind=${kind}`]),
  ];
  return (
    <form
      class="mapping"
      onSubmit={(event) => {
        event.preventDefault();
        void suiteFiles.map(file.id, entries);
      }}
    >
      <div class="mapping-choices">
        {targets.map(([target, label]) => (
          <SelectField
            key={target}
            label={label}
            value={choice[target] ?? ''}
            options={[none, ...columns.map((column) => [column, column] as const)]}
            onSelect={(value) => setChoice({ ...choice, [target]: value })}
          />
        ))}
        <SelectField
          label="What its prompts are"
          value={kind}
          options={kinds}
          onSelect={(value) => setKind(value as SuiteKind | '')}
        />
      </div>
      <button type="submit" class="button small-button" disabled={entries.length === 0}>
        Read with these columns
      </button>
    </form>
  );
}
