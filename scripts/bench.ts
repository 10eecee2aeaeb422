/** `npm run bench`: the benchmark in Node or as a page in headless Chromium, as a table and as JSON. `--help` says the rest. */
import type { Outcome } from '../src/headless/commands.ts';
import { columns, fitLine, resultCells, roofLine, textTable } from '../tests/bench/format.ts';
import type { BenchEvent, BenchReport, BenchSettings, WorkerReport } from '../tests/bench/protocol.ts';
import { TrainerError } from '../src/support/trainer-error.ts';
import { wantsHelp, wantsJson } from './cli/args.ts';
import { benchHelp, parseBenchArgs, parsePackArgs } from './cli/bench-args.ts';
import { chooseHost, type HostChoice } from './cli/choose-host.ts';
import { RunFailure, runCommand } from './cli/exit.ts';
import { printJson } from './cli/terminal.ts';
import { commitOf } from './cli/commit.ts';
import { isPackage } from './cli/paths.ts';

const pageLimitMs = 60_000;

/** It brings 30 MB of libraries to compare with. @throws TrainerError "config-invalid" */
function requirePage(): void {
  if (isPackage)
    throw new TrainerError(
      'config-invalid',
      "The benchmark's page is no part of the package: --host node measures without it, and a checkout of the project has it.",
    );
}

/** Without a page there is nothing to choose. */
const hostFor = (choice: HostChoice): 'node' | 'browser' =>
  chooseHost(isPackage && choice === 'auto' ? 'node' : choice);

function show(event: BenchEvent): void {
  switch (event.kind) {
    case 'device':
      return console.error(event.device.gpu);
    case 'roof':
      return console.error(roofLine(event.roof));
    case 'progress':
      return console.error(`[${event.done + 1}/${event.total}] ${event.note}`);
    case 'result':
      return console.error(`    ${resultCells(event.result).slice(2).filter(Boolean).join('  ')}`);
  }
}

async function measureInPage(settings: BenchSettings): Promise<BenchReport> {
  requirePage();
  const [{ ensureBench }, { benchFolder }, { launchBrowser }, { watchPage }, { serve }] = await Promise.all([
    import('./cli/build.ts'),
    import('./cli/paths.ts'),
    import('./cli/browser.ts'),
    import('./cli/page-faults.ts'),
    import('./cli/serve.ts'),
  ]);
  const say = (line: string): void => console.error(line);
  await ensureBench({ say });
  const { browser } = await launchBrowser(say);
  const served = await serve({ root: benchFolder, policy: 'none' });
  try {
    const page = await browser.newPage();
    const faults = watchPage(page);
    await page.exposeFunction('altTrainBenchEvent', show);
    await page.goto(`${served.url}/tests/bench/index.html?headless`);
    await page.waitForFunction(() => globalThis.altTrainBench !== undefined, undefined, {
      timeout: pageLimitMs,
    });
    const outcome = await Promise.race([
      page.evaluate((given) => {
        if (globalThis.altTrainBench === undefined) throw new Error('the benchmark page is gone');
        return globalThis.altTrainBench(given);
      }, settings),
      faults.first.then(async (fault): Promise<Outcome<WorkerReport>> => {
        await new Promise((resolve) => setTimeout(resolve, 3_000)); // the coded error that follows says more
        const message = `The page met an error that nothing caught: ${fault}`;
        return { ok: false, error: { code: 'internal', message, detail: null }, hasStarted: true };
      }),
    ]);
    if (!outcome.ok) throw new RunFailure(outcome.error, true);
    return { ...outcome.value, browser: `Chromium ${browser.version()}`, commit: commitOf() };
  } finally {
    await browser.close().catch(() => undefined);
    await served.close();
  }
}

async function measureInNode(settings: BenchSettings): Promise<BenchReport> {
  const { benchInNode } = await import('./cli/node-bench.ts');
  const report = await benchInNode(settings, show, (line) => console.error(line));
  return { ...report, browser: `Node ${process.versions.node}, Dawn`, commit: commitOf() };
}

/** For a browser with a GPU of its own. */
async function servePage(): Promise<void> {
  requirePage();
  const [{ ensureBench }, { benchFolder }, { serve }] = await Promise.all([
    import('./cli/build.ts'),
    import('./cli/paths.ts'),
    import('./cli/serve.ts'),
  ]);
  await ensureBench({ say: console.log });
  const { url } = await serve({ root: benchFolder, policy: 'none' });
  console.log(`Benchmark   ${url}/tests/bench/index.html\nCtrl-C ends it.`);
}

function print(report: BenchReport): void {
  console.log(`${report.suite} on ${report.device.gpu}, ${report.browser}`);
  console.log(roofLine(report.roof));
  console.log(textTable([columns, ...report.results.map(resultCells)]));
  for (const fit of report.fits) console.log(fitLine(fit));
  for (const note of report.notes) console.log(note);
  if (report.leftOut.length > 0)
    console.log(`Left out, to end in time (--budget gives more): ${report.leftOut.join('; ')}`);
}

const argv = process.argv.slice(2);
if (wantsHelp(argv)) console.log(benchHelp);
else if (argv.length === 1 && argv[0] === '--serve') await runCommand(false, servePage);
else if (argv.includes('--pack'))
  await runCommand(wantsJson(argv), async () => {
    const { packBench } = await import('./cli/pack-bench.ts');
    await packBench(parsePackArgs(argv), (line) => console.log(line));
  });
else
  await runCommand(wantsJson(argv), async () => {
    const { host, settings } = parseBenchArgs(argv);
    const isNode = hostFor(host) === 'node';
    const report = await (isNode ? measureInNode(settings) : measureInPage(settings));
    print(report);
    if (wantsJson(argv)) printJson(report);
    if (report.results.some(({ failure }) => failure !== null)) process.exitCode = 1;
  });
