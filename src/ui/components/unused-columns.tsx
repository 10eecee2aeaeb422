import type { UnusedColumn } from '../../api/trainer-api.ts';
import { percentOf } from '../../support/units.ts';
import { formatCount, formatCountOf } from '../format.ts';

const MAX_LISTED = 500; // the count covers all of them

/** What the file holds and nothing is made of. */
export function UnusedColumns({
  columns,
  notes = {},
}: {
  columns: readonly UnusedColumn[];
  notes?: Readonly<Record<string, string>>;
}) {
  if (columns.length === 0) return null;
  const hidden = columns.length - MAX_LISTED;
  return (
    <details class="fold">
      <summary>{formatCountOf(columns.length, 'column')} not used</summary>
      <div class="scroll-box" tabIndex={0} role="group" aria-label="Columns not used">
        <table class="unused-columns small">
          <thead>
            <tr>
              <th scope="col">Column</th>
              <th scope="col">Filled in</th>
            </tr>
          </thead>
          <tbody>
            {columns.slice(0, MAX_LISTED).map(({ name, filledShare }) => (
              <tr key={name}>
                <th scope="row">
                  <code>{name}</code>
                  {notes[name] !== undefined && <span class="muted"> {notes[name]}</span>}
                </th>
                <td>{percentOf(filledShare)}</td>
              </tr>
            ))}
          </tbody>
        </table>
        {hidden > 0 && <p class="small muted">… and {formatCount(hidden)} more</p>}
      </div>
    </details>
  );
}
