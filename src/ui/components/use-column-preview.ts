import { useEffect, useState } from 'preact/hooks';
import type { ColumnPreview, DatasetSource } from '../../api/trainer-api.ts';
import { useApp } from '../state/app-state.ts';

/** The first rows of a file as they are; null until they are there, and for a file without columns, which has its own message. */
export function useColumnPreview(source: DatasetSource | null): ColumnPreview | null {
  const { client } = useApp();
  const [preview, setPreview] = useState<ColumnPreview | null>(null);
  useEffect(() => {
    setPreview(null);
    if (source === null) return;
    let isWanted = true;
    client.previewColumns(source).then(
      (found) => isWanted && setPreview(found),
      () => undefined,
    );
    return () => {
      isWanted = false;
    };
  }, [source]);
  return preview;
}
