/** Which names a request may call this server by. Another name means that a stranger's page has pointed its own at this machine (DNS rebinding). */

/** "localhost", "127.0.0.1" and "[::1]" with any port: a tunnel may end at another one than the server's. `also`: names the user gave. */
export function isKnownHost(header: string | undefined, also: readonly string[] = []): boolean {
  const name = /^(\[[0-9a-f:]+\]|[a-z0-9._-]+)(?::\d{1,5})?$/i.exec(header ?? '')?.[1]?.toLowerCase();
  if (name === undefined) return false;
  return ['localhost', '127.0.0.1', '[::1]', ...also.map((given) => given.toLowerCase())].includes(name);
}
