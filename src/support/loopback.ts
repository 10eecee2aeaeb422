/** "localhost", "127.0.0.1", "[::1]": this machine, by names that no name server is asked for. As `URL.hostname` gives them. */
export const isLoopback = (hostname: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i.test(hostname);
