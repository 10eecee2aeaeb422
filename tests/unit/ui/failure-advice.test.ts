import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { runConfigFields } from '../../../src/config/run-config.ts';
import { adviceFor } from '../../../src/ui/state/failures.ts';

const components = fileURLToPath(new URL('../../../src/ui/components', import.meta.url));
const page = readdirSync(components)
  .map((name) => readFileSync(join(components, name), 'utf8'))
  .join('\n')
  .replaceAll(/\s+/g, ' ');
const labels = new Set<string>(Object.values(runConfigFields).map(({ label }) => label));

/** Text between tags, or a title handed on. */
const isShown = (name: string): boolean =>
  labels.has(name) ||
  page.includes(`> ${name} <`) ||
  page.includes(`>${name}<`) ||
  page.includes(`"${name}"`);

/** Of other places than this page. */
const elsewhere = ['Use graphics acceleration'];

const named = Object.entries(adviceFor).flatMap(([code, advice]) =>
  [...advice.matchAll(/“([^”]+)”/g)].map((match) => [code, match[1]] as const),
);

test.each(named)('the advice of %s names “%s”, which the page has', (_code, name) => {
  expect(isShown(name)).toBe(true);
});

test('a control that the page lacks is noticed, and straight quotation marks name nothing of the page', () => {
  expect(isShown('Choose a checkpoint')).toBe(false);
  expect(named.map(([code]) => code)).toContain('checkpoint-invalid');
  const straight = Object.values(adviceFor).flatMap((advice) => [...advice.matchAll(/"([^"]+)"/g)]);
  expect(straight.map((match) => match[1])).toEqual(elsewhere);
});
