/**
 * The content policy lets no text become code (`require-trusted-types-for 'script'`). The one thing the page needs is to start its
 * own workers from their addresses; the policy called "default" is asked wherever a plain string is given.
 */

interface TrustedTypes {
  createPolicy(name: 'default', rules: { createScriptURL(url: string): string | null }): unknown;
}

/** Only files of the page's own folder, as the build names workers. */
function ownWorker(url: string): string | null {
  const page = new URL('.', location.href).href;
  const { href } = new URL(url, location.href);
  return href.startsWith(page) && /^[\w/]*\.worker[\w.-]*$/.test(href.slice(page.length)) ? url : null;
}

/** Nothing where the browser has no such types. Once, before the first worker. */
export function allowOwnWorkers(): void {
  const { trustedTypes } = globalThis as { readonly trustedTypes?: TrustedTypes };
  trustedTypes?.createPolicy('default', { createScriptURL: ownWorker });
}
