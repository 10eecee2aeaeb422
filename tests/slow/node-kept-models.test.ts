/** Models of the hub in the Node host: kept on the disk, opened again without the network, never used where they are damaged. */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { goldenRepo } from '../support/hub-commands.ts';
import { startHubServer, type HubServer } from '../support/hub-server.ts';
import { hasNodeDriver } from '../support/node-driver.ts';
import { tempFolder, writeFiles } from '../support/temp-folder.ts';
import { run } from '../headless/support.ts';

const folder = writeFiles(tempFolder(), { 'prompts.json': '["What is 3 plus 4?", "How do I bake a cake?"]' });
const cache = join(folder, 'cache');
let hub: HubServer;
beforeAll(async () => {
  hub = await startHubServer([goldenRepo({ id: 'tiny/open', golden: 'tied-gqa' })]);
});
afterAll(() => hub.close());

interface Asked {
  readonly exitCode: number;
  readonly stderr: string;
  readonly answers: readonly { readonly tokenIds: readonly number[] }[];
  readonly requests: number; // to the hub
}

async function ask(quantization: string, hubUrl = hub.url): Promise<Asked> {
  hub.clear();
  const out = join(folder, 'answers.json');
  writeFileSync(out, '[]');
  const args = [
    '--host',
    'node',
    '--model',
    'tiny/open',
    '--hub-url',
    hubUrl,
    '--quantization',
    quantization,
  ];
  const more = ['--prompts', join(folder, 'prompts.json'), '--out', out, '--max-new-tokens', '8'];
  const { exitCode, stderr } = await run('generate', [...args, ...more], { ALTTRAIN_CACHE: cache });
  return {
    exitCode,
    stderr,
    answers: JSON.parse(readFileSync(out, 'utf8')) as Asked['answers'],
    requests: hub.requests.length,
  };
}

const entries = (): string[] =>
  readdirSync(join(cache, 'models/entries')).map((name) => join(cache, 'models/entries', name));

test.skipIf(!hasNodeDriver)(
  'a model that was opened once opens without the network and answers the same, in each format by itself; a damaged copy is fetched anew',
  async () => {
    const nowhere = 'http://localhost:9';
    const first = await ask('nf4');
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.answers).toHaveLength(2);
    expect(first.requests).toBeGreaterThan(5);
    const again = await ask('nf4', nowhere);
    expect(again.exitCode, again.stderr).toBe(0);
    expect(again.answers).toEqual(first.answers);
    // the control: another format is another copy, which is not there
    const other = await ask('none', nowhere);
    expect(other.exitCode).toBe(1);
    expect(other.stderr).toContain('hub-unreachable: ');
    expect(other.answers).toEqual([]);
    // and a copy with a changed byte is fetched anew, in the place of the damaged one
    const blob = join(entries()[0], '6.bin');
    const bytes = readFileSync(blob);
    bytes[bytes.length >> 1] ^= 1;
    writeFileSync(blob, bytes);
    const fetched = await ask('nf4');
    expect(fetched.exitCode, fetched.stderr).toBe(0);
    expect(fetched.requests).toBeGreaterThan(5);
    expect(fetched.answers).toEqual(first.answers);
    expect(entries()).toHaveLength(1);
  },
);
