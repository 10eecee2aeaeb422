/** Text of strangers on its way to a terminal. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../../scripts/cli/paths.ts';
import { createProgressView } from '../../../scripts/cli/progress.ts';
import { asMessage, clearLine, cutLines, terminalText } from '../../../scripts/cli/terminal.ts';

describe('terminalText', () => {
  test.each([
    ['an escape sequence that clears the screen', '\u001b[2J', '\\u001b[2J'],
    ['one that renames the window', '\u001b]0;PWN\u0007', '\\u001b]0;PWN\\u0007'],
    ['the same in eight bits', '\u009b2J\u009d0;x\u009c', '\\u009b2J\\u009d0;x\\u009c'],
    ['a carriage return over what was printed', 'bad\rgood', 'bad\\u000dgood'],
    ['backspaces over it', 'bad\b\b\bgood', 'bad\\u0008\\u0008\\u0008good'],
    ['the end of a stream', '\u0000\u0004\u007f', '\\u0000\\u0004\\u007f'],
    ['text that is read backwards', 'a\u202egpj.exe\u202c', 'a\\u202egpj.exe\\u202c'],
    ['isolates', '\u2066a\u2069', '\\u2066a\\u2069'],
    ['line ends of Unicode', 'a\u2028b\u2029c', 'a\\u2028b\\u2029c'],
    ['invisible letters', 'a\u200b\ufeffb\u{e0041}', 'a\\u200b\\ufeffb\\udb40\\udc41'],
    ['half a pair', '\ud800x\udc00', '\\ud800x\\udc00'],
  ])('shows %s, instead of letting it happen', (_what, given, shown) => {
    expect(terminalText(given)).toBe(shown);
  });

  test('leaves what people write as it is', () => {
    const written = 'ü 中文 العربية हिन्दी 👩‍👩‍👧 🇩🇪 می‌خواهم\n\tx − ½ … – "\\u001b"';
    expect(terminalText(written)).toBe(written);
  });

  test('leaves a line of JSON the same value', () => {
    const value = { '\u001b]0;x\u0007\u009b': ['\u202e', '\ud800', '\u2028', '\u{e0041}', '👩‍👧', 'a\nb'] };
    const shown = terminalText(JSON.stringify(value));
    expect(shown).not.toMatch(/[\p{Cc}\u202e\u2028]/u);
    expect(JSON.parse(shown)).toEqual(value);
  });
});

test('a line without an end is cut, with how much is missing, and others stay', () => {
  expect(cutLines(`short\n${'x'.repeat(10_000)}\nlast`)).toBe(
    `short\n${'x'.repeat(4_000)} … (6000 more characters)\nlast`,
  );
});

test('a further line of a message does not begin like a message', () => {
  expect(asMessage('refused\nDone: 10 steps')).toBe('refused\n  Done: 10 steps');
});

test('a name in the line that changes does not move the cursor', () => {
  const written: string[] = [];
  const view = createProgressView({
    isTTY: true,
    columns: 60,
    write: (text) => written.push(text),
  });
  const progress = { note: '\u001b[2J\nDone', done: 1, total: 2 } as const;
  view.show({ kind: 'load', progress });
  view.show({ kind: 'load', progress });
  expect(written).toEqual(['\\u001b[2J Done 50.0 %', clearLine, '\\u001b[2J Done 50.0 %']);
});

/** A process that prints like a command does. */
function printed(program: string): Promise<{ stdout: string; stderr: string; exitCode: number | null }> {
  const guard = JSON.stringify(join(projectRoot, 'scripts/cli/terminal.ts'));
  const text = `import { guardTerminal, printJson } from ${guard}; guardTerminal(); ${program}`;
  return new Promise((resolve, reject) => {
    const args = ['--import', 'tsx', '--input-type=module', '--eval', text];
    const child = spawn(process.execPath, args, { cwd: projectRoot });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ stdout, stderr, exitCode }));
  });
}

describe('whoever prints in a command', () => {
  test('its own lines, a library’s warnings, bytes in pieces and JSON', async () => {
    const { stdout, stderr } = await printed(`
      console.log('%s is %d', '\\u001b[2J', 1);
      console.warn('library: \\u009b31m');
      const bytes = Buffer.from('\\u009b' + 'ü');
      process.stdout.write(bytes.subarray(0, 1));
      process.stdout.write(bytes.subarray(1));
      process.stderr.write(Buffer.from('\\u001b').toString('hex'), 'hex');
      console.log('x'.repeat(5000));
      printJson({ long: 'x'.repeat(5000) + '\\u202e' });`);
    expect(stdout).toContain('\\u001b[2J is 1\n\\u009bü');
    expect(stdout).toContain(' … (1000 more characters)\n');
    expect(stdout).toContain(`{"long":"${'x'.repeat(5000)}\\u202e"}\n`);
    expect(stderr).toBe('library: \\u009b31m\n\\u001b');
  });

  test('a thread, and an error that nothing catches', async () => {
    const { stdout, stderr, exitCode } = await printed(`
      import { Worker } from 'node:worker_threads';
      const thread = new Worker("console.log('thread \\\\u001b[2J')", { eval: true });
      thread.on('exit', () => setTimeout(() => { throw new Error('uncaught \\u001b]0;x\\u0007'); }, 100));`);
    expect(stdout).toBe('thread \\u001b[2J\n');
    expect(stderr).toContain('uncaught \\u001b]0;x\\u0007');
    expect(exitCode).toBe(1);
  });
});
