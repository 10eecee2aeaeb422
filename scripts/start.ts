/** `npm start`: builds the page, serves it, says where it is, and opens it where there is a display. */
import { parseArgs } from 'node:util';
import open from 'open';
import { ensureDist } from './cli/build.ts';
import { asTyped } from './cli/own-commands.ts';
import { distFolder } from './cli/paths.ts';
import { serve } from './cli/serve.ts';
import { guardTerminal } from './cli/terminal.ts';
import { hubSourcesOf } from './vite/page-policy.ts';

const help = `${asTyped('start')} [--port 4173] [--no-open]

Serves the page on 127.0.0.1, built first where its sources have changed, and opens it where there is a display.
  --port <number>  port to use; the next free one when it is taken (default 4173)
  --no-open        only print the address
  --hub-url <url>  a hub of your own, which the page may then connect to; the address of the page names it, as ?hub=<url>,
                   where it is on this machine
  --host-name <n>  another name than this machine's own that the page is opened under: that of a tunnel or a proxy`;

function hasDisplay(): boolean {
  if (process.env['CI'] || process.env['SSH_CONNECTION']) return false;
  if (process.platform !== 'linux') return true;
  return Boolean(process.env['DISPLAY'] ?? process.env['WAYLAND_DISPLAY']);
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '4173' },
      'no-open': { type: 'boolean', default: false },
      'hub-url': { type: 'string' },
      'host-name': { type: 'string', multiple: true, default: [] },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) {
    console.log(help);
    return;
  }
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    throw new Error(`--port is ${values.port}; it must be a number from 0 to 65535.`);
  const hubUrl = values['hub-url'];
  if (hubUrl !== undefined && !/^https?:\/\/[^/]/.test(hubUrl))
    throw new Error(`--hub-url ${hubUrl} is no address that begins with http:// or https://.`);

  await ensureDist({ say: (line) => console.log(line) });
  const served = await serve({
    root: distFolder,
    port,
    hostNames: values['host-name'],
    connect: hubUrl === undefined ? [] : hubSourcesOf(hubUrl),
  });
  if (port !== 0 && served.port !== port) console.log(`Port ${port} is taken; using ${served.port}.`);
  console.log(`
  AltTrain Web   ${served.url}/
  Demo, at once  ${served.url}/?run=demo

  Needs a browser with WebGPU (Chrome or Edge 113+, Safari 26+, Firefox 141+). Ctrl-C ends the server.
`);
  let isEnding = false;
  const end = (): void => {
    if (isEnding) return;
    isEnding = true;
    console.log('\nServer ended.');
    void served.close().then(() => process.exit(0));
  };
  process.on('SIGINT', end);
  process.on('SIGTERM', end);

  if (values['no-open'] || !hasDisplay()) return;
  try {
    const child = await open(`${served.url}/`);
    child.on('error', () => console.log('The browser could not be opened: use the address above.'));
  } catch {
    console.log('The browser could not be opened: use the address above.');
  }
}

guardTerminal();
main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
