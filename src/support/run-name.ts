/** What a kept run is called: its title, or what was trained on what. */
interface Named {
  readonly title: string; // "": none was given
  readonly model: { readonly name: string };
  readonly dataset: { readonly name: string };
}

export const runName = (run: Named): string => run.title || untitled(run);

export const untitled = ({ model, dataset }: Omit<Named, 'title'>): string =>
  `${model.name} · ${dataset.name}`;
