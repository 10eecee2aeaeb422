/**
 * The one place that knows an access token: it goes into requests to the hub's own address, and into no other, whatever a
 * description of the hub links to. fetch takes it out where the hub redirects to another host.
 */
import { isLoopback } from '../support/loopback.ts';
import { TrainerError } from '../support/trainer-error.ts';

export const publicHubUrl = 'https://huggingface.co';
/** Of a repository: "owner/name". */
export const repoIdPattern = /^[\w.-]{1,96}\/[\w.-]{1,96}$/;

/** The hub's address without a slash at its end. @throws TrainerError "hub-unreachable" */
export function hubAddress(given: string): string {
  const url = URL.canParse(given) ? new URL(given) : null;
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '' || url.password !== '')
    throw new TrainerError(
      'hub-unreachable',
      'The address of the hub must begin with http:// or https:// and hold no password.',
    );
  return given.replace(/\/+$/, '');
}

/** @throws TrainerError "hub-access" where the token is none, or would be readable on its way */
export function withToken(
  fetchPlainly: typeof fetch,
  hubUrl: string,
  token: string | undefined,
): typeof fetch {
  const { origin, protocol, hostname } = new URL(hubUrl);
  if (token !== undefined && !/^hf_\w+$/.test(token))
    throw new TrainerError('hub-access', 'That is no access token of the hub: they begin with "hf_".');
  if (token !== undefined && protocol === 'http:' && !isLoopback(hostname))
    throw new TrainerError(
      'hub-access',
      `An access token is not sent to ${origin}: without https anybody on the way can read it. Use an https:// address, or no token.`,
    );
  return (input, init = {}) => {
    const headers = new Headers(init.headers ?? (input instanceof Request ? input.headers : undefined));
    headers.delete('Authorization');
    const url = input instanceof Request ? input.url : String(input);
    if (token !== undefined && new URL(url).origin === origin)
      headers.set('Authorization', `Bearer ${token}`);
    return fetchPlainly(input, { ...init, headers });
  };
}
