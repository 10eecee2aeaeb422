import { expect, test } from 'vitest';
import { recordFiles } from '../../../src/exporters/record.ts';
import { crc32c } from '../../../src/exporters/crc32c.ts';
import { eventFile } from '../../../src/exporters/tensorboard.ts';
import { contentOf, fixture, subject } from './fixtures.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('CRC-32C of the known text', () => {
  expect(crc32c(bytes('123456789'))).toBe(0xe3069283);
});

test('events are the bytes that TensorBoard writes itself', () => {
  const events = eventFile([
    { step: 1, wallTime: 1, values: { 'train/loss': 2.5, 'train/learning_rate': 1e-4 } },
    { step: 300, wallTime: 300, values: { 'eval/loss': 1.25 } },
  ]);
  expect(events).toEqual(fixture('events.tfevents'));
});

test('metrics become a table and events; traces and words do not', async () => {
  const rows = [
    { step: 1, loss: 2.5, learning_rate: 1e-4 },
    { step: 2, samples: [{ prompt: 'a' }] },
    { step: 300, eval_loss: 1.25, warning: 'loss, "diverging"' },
  ];
  const metrics = bytes(rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const files = recordFiles(await subject({ records: new Map([['metrics.jsonl', metrics]]) }));
  expect(new TextDecoder().decode(await contentOf(files, 'metrics.csv'))).toBe(
    'step,loss,learning_rate,eval_loss,warning\r\n1,2.5,0.0001,,\r\n300,,,1.25,"loss, ""diverging"""\r\n',
  );
  const events = await contentOf(files, 'tensorboard/events.out.tfevents.0.alttrain-web');
  expect(events).toEqual(fixture('events.tfevents'));
  expect(await contentOf(files, 'metrics.jsonl')).toEqual(metrics);
});

test('an adapter without a run has no record', async () => {
  const alone = await subject({ records: new Map() });
  expect(() => recordFiles(alone)).toThrow(/no metrics\.jsonl/);
});
