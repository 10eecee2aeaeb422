/** Folders of tokenizers with the chat templates that rows are rendered with. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../cli/paths.ts';
import type { Json } from './cases.ts';

export interface RowTemplate {
  readonly name: string;
  /** What the reference renders assistant-only rows with; null: the template marks them itself, or there is none. */
  readonly training: string | null;
  readonly isMarked: boolean;
  readonly opensThought: boolean; // its generation prompt ends with <think>
  readonly folder: string;
  readonly controlTokens: readonly string[];
}

// Meta's template of Llama 3, as TRL 1.13 ships it (chat_templates/llama3.jinja), and TRL's variant for training.
const llama3 =
  "{% set loop_messages = messages %}{% for message in loop_messages %}{% set content = '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n'+ message['content'] | trim + '<|eot_id|>' %}{% if loop.index0 == 0 %}{% set content = bos_token + content %}{% endif %}{{ content }}{% endfor %}{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}";
const llama3Training =
  "{%- for message in messages %}{%- if loop.index0 == 0 %}{{- bos_token }}{%- endif %}{%- if message['role'] == 'assistant' %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- generation %}{{- message['content'] | trim + '<|eot_id|>' }}{%- endgeneration %}{%- else %}{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' + message['content'] | trim + '<|eot_id|>' }}{%- endif %}{%- endfor %}{%- if add_generation_prompt %}{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{%- endif %}";

interface Masks {
  readonly templates: Readonly<
    Record<string, { readonly template: string; readonly training_template: string }>
  >;
}

const readJson = (path: string): Json => JSON.parse(readFileSync(path, 'utf8')) as Json;

export function writeRowTemplates(folder: string): RowTemplate[] {
  const fixtures = join(projectRoot, 'tests/fixtures');
  const { templates } = readJson(join(fixtures, 'trl-masks.json')) as unknown as Masks;
  const demo = join(projectRoot, 'public/models/demo');
  const chatmlTokens = join(fixtures, 'goldens/tied-bf16/model');
  const make = (
    name: string,
    source: string,
    text: string | null,
    rest: Pick<RowTemplate, 'training' | 'isMarked' | 'opensThought'>,
    edit: (json: Json, config: Json) => void = () => undefined,
  ): RowTemplate => {
    const at = join(folder, `template-${name}`);
    mkdirSync(at, { recursive: true });
    writeFileSync(
      join(at, 'config.json'),
      JSON.stringify({ ...readJson(join(source, 'config.json')), vocab_size: 4096 }),
    );
    const [json, config] = ['tokenizer.json', 'tokenizer_config.json'].map((file) =>
      readJson(join(source, file)),
    );
    delete config['chat_template'];
    edit(json, config);
    writeFileSync(join(at, 'tokenizer.json'), JSON.stringify(json));
    writeFileSync(join(at, 'tokenizer_config.json'), JSON.stringify(config));
    if (text !== null) writeFileSync(join(at, 'chat_template.jinja'), text);
    const added = json['added_tokens'] as { readonly content: string }[];
    return {
      name,
      folder: at,
      ...rest,
      controlTokens: added.map(({ content }) => content).filter((token) => !/think/.test(token)),
    };
  };
  const { 'r1-distill': r1, qwen3, chatml } = templates;
  const plain = { training: null, isMarked: false, opensThought: false };
  return [
    make('r1', demo, r1.template, { training: r1.training_template, isMarked: false, opensThought: true }),
    make('qwen3', chatmlTokens, qwen3.template, { ...plain, training: qwen3.training_template }),
    make('chatml', chatmlTokens, chatml.template, { ...plain, training: chatml.training_template }),
    make('llama3', chatmlTokens, llama3, { ...plain, training: llama3Training }, asLlama3),
    make('none', demo, null, plain),
    make('llama3-none', chatmlTokens, null, plain, asLlama3),
    make('r1-marked', demo, r1.training_template, { ...plain, isMarked: true, opensThought: true }),
    make('qwen3-marked', chatmlTokens, qwen3.training_template, { ...plain, isMarked: true }),
    make('chatml-marked', chatmlTokens, chatml.training_template, { ...plain, isMarked: true }),
  ];
}

/** Llama 3's own control tokens and post-processor, which alone asks for the beginning token. */
function asLlama3(json: Json, config: Json): void {
  const added = json['added_tokens'] as Json[];
  const first = Math.max(...added.map(({ id }) => Number(id))) + 1;
  const names = [
    '<|begin_of_text|>',
    '<|end_of_text|>',
    '<|start_header_id|>',
    '<|end_header_id|>',
    '<|eot_id|>',
  ];
  for (const [index, content] of names.entries())
    added.push({
      id: first + index,
      content,
      special: true,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
    });
  json['post_processor'] = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: names[0], type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [],
    special_tokens: { [names[0]]: { id: names[0], ids: [first], tokens: [names[0]] } },
  };
  Object.assign(config, {
    bos_token: names[0],
    eos_token: '<|eot_id|>',
    pad_token: '<|end_of_text|>',
    tokenizer_class: 'PreTrainedTokenizerFast',
  });
}
