import type { DeviceReport } from '../../api/trainer-api.ts';
import { formatBytes } from '../format.ts';
import { useApp } from '../state/app-state.ts';
import { FailureAlert } from './failure-alert.tsx';

export function Header() {
  const { setUp, failures } = useApp();
  const device = setUp.device.value;
  const isFailed = failures.of('device').value !== null;
  return (
    <header class="page-header">
      <div class="title-row">
        <h1>AltTrain Web</h1>
        <p class="purpose">
          Fine-tunes a small reasoning model in this tab so that it judges whether a request is harmful before
          it reasons on. Model, data and adapter never leave your computer.
        </p>
      </div>
      <p class="device" data-state={isFailed ? 'failed' : device === null ? 'opening' : 'ready'}>
        <span class="device-dot" aria-hidden="true" />
        {isFailed ? 'No GPU' : device === null ? 'Opening the GPU …' : describeDevice(device)}
      </p>
      <FailureAlert scope="device" retry={() => void setUp.open()} />
    </header>
  );
}

function describeDevice({ gpu, isSoftware, maxBufferBytes, features }: DeviceReport): string {
  const parts = [
    `${gpu}${isSoftware ? ' (software, slow)' : ''}`,
    `buffers up to ${formatBytes(maxBufferBytes)}`,
    ...['shader-f16', 'subgroups'].filter((feature) => features.includes(feature)),
  ];
  return `WebGPU: ${parts.join(' · ')}`;
}
