import { describe, expect, test } from 'vitest';
import { TrainerError } from '../../../src/support/trainer-error.ts';
import { parseGenerateArgs, parseTrainArgs } from '../../../scripts/cli/args.ts';

function codeOf(call: () => unknown): string {
  try {
    call();
  } catch (error) {
    if (error instanceof TrainerError) return error.code;
    throw error;
  }
  return 'accepted';
}

describe('the command line of train', () => {
  test('--allow-changes says something only with --resume', () => {
    const resumed = ['--model', 'demo', '--out', 'o', '--resume', '--allow-changes'];
    expect(parseTrainArgs(resumed)).toMatchObject({ resume: true, allowChanges: true });
    expect(() => parseTrainArgs(['--model', 'demo', '--out', 'o', '--allow-changes'])).toThrow('--resume');
  });

  test('the demo has a default dataset', () => {
    expect(parseTrainArgs(['--model', 'demo', '--out', 'o'])).toEqual({
      host: 'auto',
      model: 'demo',
      dataset: 'alttrain-1k',
      configPath: null,
      settings: [],
      initAdapterFolder: null,
      resume: false,
      allowChanges: false,
      overwrite: false,
      out: 'o',
      hubUrl: null,
    });
  });

  test('--set may be repeated, and keeps what stands after the first "="', () => {
    const argv = [
      '--model',
      'm',
      '--dataset',
      'd',
      '--out',
      'o',
      '--set',
      'r=4',
      '--set',
      'sample_prompts=a=b',
    ];
    expect(parseTrainArgs(argv).settings).toEqual(['r=4', 'sample_prompts=a=b']);
  });

  test.each([
    [['--out', 'o'], 'config-invalid'],
    [['--model', 'demo'], 'config-invalid'],
    [['--model', 'demo', '--out', 'o', '--resume', '--overwrite'], 'config-invalid'],
    [['--model', 'demo', '--out', 'o', '--lr', '1'], 'config-invalid'],
    [['--model', 'demo', '--out', 'o', 'more'], 'config-invalid'],
    [['--model', 'demo', '--out'], 'config-invalid'],
    [['--model', 'demo', '--out', 'o', '--resume', '--init-adapter', 'a'], 'config-invalid'],
  ])('%j is refused with %s', (argv, code) => {
    expect(codeOf(() => parseTrainArgs(argv))).toBe(code);
  });
});

describe('the command line of generate', () => {
  const minimal = ['--model', 'demo', '--prompts', 'p.json', '--out', 'o.json'];
  test('is greedy without an adapter by default', () => {
    const options = parseGenerateArgs(minimal);
    expect(options).toMatchObject({
      adapterFolder: null,
      temperature: 0,
      maxNewTokens: 256,
      systemPrompt: '',
    });
  });
  test('takes a system prompt', () => {
    const { systemPrompt } = parseGenerateArgs([...minimal, '--system-prompt', 'Be brief.']);
    expect(systemPrompt).toBe('Be brief.');
  });
  test.each([
    ['--max-new-tokens', '0'],
    ['--max-new-tokens', '1.5'],
    ['--max-new-tokens', ''],
    ['--temperature', '-1'],
    ['--seed', 'x'],
  ])('%s %s is refused', (name, value) => {
    expect(codeOf(() => parseGenerateArgs([...minimal, `${name}=${value}`]))).toBe('config-invalid');
  });
});
