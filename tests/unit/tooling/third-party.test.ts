/** What the page contains of others, as docs/third-party.md lists it, and what is known of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { advisoriesOf } from '../../../scripts/cli/audit-report.ts';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const listed = [
  ...read('docs/third-party.md').matchAll(/^\| `(\S+)` +\| (\S+) +\| (.+?) +\| (.+?) +\|/gm),
].map(([, name, version, licence, text]) => ({ name, version, licence, text }));

describe('docs/third-party.md', () => {
  test('names the versions that are locked', () => {
    const { packages } = JSON.parse(read('package-lock.json')) as {
      packages: Record<string, { version: string }>;
    };
    expect(listed.length).toBeGreaterThan(15);
    for (const { name, version } of listed)
      expect(`${name} ${packages[`node_modules/${name}`]?.version}`).toBe(`${name} ${version}`);
  });

  test('lists licences that go with Apache 2.0, and the text of every one that has to be kept', () => {
    for (const { name, licence, text } of listed) {
      expect(['MIT', 'Apache-2.0', 'Apache-2.0 AND MIT', 'ISC', 'BSD-3-Clause'], name).toContain(licence);
      if (!licence.startsWith('Apache-2.0')) expect(`${name}: ${text}`).toBe(`${name}: yes`);
    }
  });

  test('holds no package with a known fault that comes along unused', () => {
    const names = listed.map(({ name }) => name);
    for (const unused of ['protobufjs', 'onnx-proto', 'onnxruntime-web', 'sharp', 'node-fetch', 'form-data'])
      expect(names).not.toContain(unused);
  });
});

describe('npm run advisories', () => {
  const advisory = (name: string) => ({
    name,
    title: `${name} is broken`,
    url: `https://github.com/advisories/${name}`,
    severity: 'high',
    range: '<2',
  });
  const report = JSON.stringify({
    vulnerabilities: {
      preact: { via: [advisory('preact')] },
      '@xenova/transformers': { via: ['onnxruntime-web'] },
      'onnxruntime-web': { via: ['onnx-proto'] },
      'onnx-proto': { via: ['protobufjs'] },
      protobufjs: { via: [advisory('protobufjs'), advisory('protobufjs')] },
    },
  });

  test('tells what is in the page from what is only installed', () => {
    const found = advisoriesOf(report, new Set(['preact', '@xenova/transformers']));
    expect(found.inPage.map(({ name }) => name)).toEqual(['preact']);
    expect(found.elsewhere.map(({ name }) => name)).toEqual(['protobufjs']);
  });

  test.each([
    ['{"error":{"code":"ENOAUDIT","summary":"no endpoint"}}', /no endpoint/],
    ['{"message":"404 Not Found"}', /404/],
    ['', /no output/],
    ['<html>', /<html>/],
  ])('does not take %j for a clean report', (output, reason) => {
    expect(() => advisoriesOf(output, new Set())).toThrow(reason);
  });
});
