import { useSignal } from '@preact/signals';
import type { FunctionComponent } from 'preact';
import { useApp } from '../state/app-state.ts';
import type { ReproduceState } from '../state/reproduce.ts';
import { FailureAlert } from './failure-alert.tsx';

type Body = FunctionComponent<{ reproduce: ReproduceState }>;

/** The paper's comparison by one button; what it needs comes when it is opened. */
export function ReproducePanel() {
  const { reproduce, openReproduce } = useApp();
  const body = useSignal<{ readonly Body: Body } | null>(null);
  const open = async (): Promise<void> => {
    const Body = await openReproduce();
    if (Body !== null) body.value = { Body };
  };
  const state = reproduce.value;
  const Body = body.value?.Body;
  return (
    <section class="panel reproduce" aria-label="The paper’s comparison">
      <details
        onToggle={(event) => {
          if (event.currentTarget.open && body.value === null) void open();
        }}
      >
        <summary>
          <h2>The paper’s comparison</h2>
        </summary>
        <FailureAlert scope="reproduce" />
        {Body !== undefined && state !== null && <Body reproduce={state} />}
      </details>
    </section>
  );
}
