/** A visitor's page: choose a suite, start, watch the table fill, download the JSON. Plain DOM. */
import '../../src/ui/styles/base.css';
import './bench.css';
import { TrainerError, toWire } from '../../src/support/trainer-error.ts';
import { columns, fitLine, resultCells, roofLine } from './format.ts';
import { defaultSettings, suites, type BenchEvent, type BenchReport, type Suite } from './protocol.ts';
import { startBench, type Running } from './runner.ts';

const says: Readonly<Record<Suite, string>> = {
  kernels: 'Each GPU operation at the sizes of real models, as a fraction of what the GPU can do.',
  step: 'Whole training steps: tokens per second, and how the cost grows.',
  models: 'Whole models of 135 M to 1.5 B parameters, a training step each and decoding: for graphics cards.',
  profile: 'Which kernels take the time of a training step and of a decoded token.',
  generate: 'Decoding: tokens per second, alone and in batches.',
  memory: 'GPU bytes that a run allocates.',
  peers: 'The same training step in tfjs, jax-js and here; the forward pass in onnxruntime-web.',
};

function element<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  children: readonly Node[] = [],
): HTMLElementTagNameMap[K] {
  const made = Object.assign(document.createElement(tag), properties);
  made.append(...children);
  return made;
}

export function mountBenchPage(root: Element): void {
  const description = element('p', { className: 'small muted' });
  const picker = element(
    'select',
    { className: 'control', id: 'suite' },
    suites.map((suite) => element('option', { value: suite, textContent: suite })),
  );
  const words = element('input', { className: 'control', id: 'only', placeholder: 'all' });
  const start = element('button', { className: 'button primary', textContent: 'Start', type: 'button' });
  const cancel = element('button', {
    className: 'button',
    textContent: 'Cancel',
    type: 'button',
    disabled: true,
  });
  const download = element('button', {
    className: 'button',
    textContent: 'Download JSON',
    type: 'button',
    disabled: true,
  });
  const status = element('p', { className: 'small', role: 'status' });
  const fill = element('div', { className: 'bar-fill' });
  const facts = element('ul', { className: 'small muted facts' });
  const body = element('tbody');
  const head = element(
    'tr',
    {},
    columns.map((name) => element('th', { textContent: name, scope: 'col' })),
  );
  root.replaceChildren(
    element('header', { className: 'page-header' }, [
      element('h1', { textContent: 'AltTrain Web: benchmark' }),
      element('p', {
        className: 'muted',
        textContent:
          'Measures this browser and GPU. Nothing is sent anywhere; close other tabs that use the GPU. Every operation is checked against a float64 reference before it is timed.',
      }),
      element('a', { href: '../../', textContent: 'Back to training' }),
    ]),
    element('section', { className: 'panel bench-controls' }, [
      element('label', { htmlFor: 'suite', textContent: 'Suite' }),
      picker,
      element('label', { htmlFor: 'only', textContent: 'Only cases with these words' }),
      words,
      description,
      element('div', { className: 'bench-buttons' }, [start, cancel, download]),
      element('div', { className: 'bar thin' }, [fill]),
      status,
    ]),
    element('section', { className: 'panel' }, [
      facts,
      element('div', { className: 'bench-table' }, [
        element('table', {}, [element('thead', {}, [head]), body]),
      ]),
    ]),
  );

  let running: Running | null = null;
  let report: BenchReport | null = null;
  const describe = (): void => {
    description.textContent = says[picker.value as Suite];
  };
  const fact = (text: string): void => facts.append(element('li', { textContent: text }));
  const onEvent = (event: BenchEvent): void => {
    switch (event.kind) {
      case 'device':
        return fact(event.device.gpu);
      case 'roof':
        return fact(roofLine(event.roof));
      case 'progress':
        fill.style.width = `${(100 * event.done) / event.total}%`;
        status.textContent = `${event.done + 1} of ${event.total}: ${event.note}`;
        return;
      case 'result':
        body.append(
          element(
            'tr',
            {},
            resultCells(event.result).map((textContent) => element('td', { textContent })),
          ),
        );
    }
  };
  const setRunning = (isRunning: boolean): void => {
    start.disabled = isRunning;
    picker.disabled = isRunning;
    words.disabled = isRunning;
    cancel.disabled = !isRunning;
    download.disabled = isRunning || report === null;
  };
  const run = async (): Promise<void> => {
    report = null;
    facts.replaceChildren();
    body.replaceChildren();
    fill.style.width = '0';
    status.textContent = 'Measuring the roof of this GPU …';
    const only = words.value.split(/\s+/).filter((word) => word !== '');
    running = startBench({ ...defaultSettings(picker.value as Suite), only }, onEvent);
    setRunning(true);
    try {
      const measured = await running.report;
      report = { ...measured, browser: navigator.userAgent, commit: null };
      for (const fit of measured.fits) fact(fitLine(fit));
      for (const note of measured.notes) fact(note);
      if (measured.leftOut.length > 0) fact(`Left out, to end in time: ${measured.leftOut.join('; ')}`);
      fill.style.width = '100%';
      status.textContent = 'Done.';
    } catch (error) {
      const { message, detail } = toWire(error);
      const isCancelled = error instanceof TrainerError && error.code === 'cancelled';
      status.textContent = isCancelled ? 'Cancelled.' : `${message}${detail === null ? '' : ` (${detail})`}`;
    } finally {
      running = null;
      setRunning(false);
    }
  };
  picker.addEventListener('change', describe);
  start.addEventListener('click', () => void run());
  cancel.addEventListener('click', () => running?.cancel());
  download.addEventListener('click', () => {
    if (report === null) return;
    const url = URL.createObjectURL(
      new Blob([JSON.stringify(report, null, 2)], { type: 'application/json' }),
    );
    element('a', { href: url, download: `alttrain-bench-${report.suite}.json` }).click();
    URL.revokeObjectURL(url);
  });
  describe();
}
