/**
 * A button that disables or removes itself takes the keyboard focus with it. This hands the focus on to the first enabled one of
 * `successors`, as soon as there is one. Only after a key was pressed: a pointer user's space key is for scrolling.
 */
import type { RefObject } from 'preact';
import { useEffect, useRef } from 'preact/hooks';

type ButtonRef = RefObject<HTMLButtonElement>;

export function useFocusHandOver(successors: readonly ButtonRef[]): {
  onKeyDown: (event: KeyboardEvent) => void;
  onFocusOut: (event: FocusEvent) => void;
} {
  const holder = useRef<HTMLButtonElement | null>(null);
  const isLost = useRef(false);
  useEffect(() => {
    const from = holder.current;
    if (from === null) return;
    if (from.disabled || !from.isConnected) isLost.current = true;
    const isElsewhere = document.activeElement !== from && document.activeElement !== document.body;
    if (!isLost.current || isElsewhere) return;
    // Itself first: it may have been disabled for a moment only.
    const buttons = [from, ...successors.map(({ current }) => current)];
    const next = buttons.find((button) => button !== null && button.isConnected && !button.disabled);
    if (!next) return;
    next.focus({ preventScroll: true });
    holder.current = next;
    isLost.current = false;
  });
  return {
    onKeyDown: ({ target }) => {
      if (!(target instanceof HTMLButtonElement)) return;
      holder.current = target;
      isLost.current = false;
    },
    onFocusOut: ({ relatedTarget }) => {
      if (relatedTarget !== null) holder.current = null; // the user has gone on, it was not taken away
    },
  };
}
