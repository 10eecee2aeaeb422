import type { FunctionComponent } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { useApp } from '../state/app-state.ts';
import type { FailureScope } from '../state/failures.ts';

interface Late {
  readonly Part: FunctionComponent;
}

/** A part of the page that is loaded when it is first shown. `scope`: where it is said that it cannot be loaded. */
export function latePart(load: () => Promise<FunctionComponent>, scope: FailureScope): FunctionComponent {
  let loaded: Late | null = null;
  return function LatePart() {
    const { failures } = useApp();
    const [late, setLate] = useState(loaded);
    useEffect(() => {
      if (late !== null) return;
      load().then(
        (Part) => {
          loaded = { Part };
          setLate(loaded);
        },
        (error: unknown) => failures.report(scope, error),
      );
    }, []);
    return late === null ? null : <late.Part />;
  };
}
