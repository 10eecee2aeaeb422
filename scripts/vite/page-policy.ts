/**
 * What the page and its workers may do, in the browser's words: the server sends it with every answer, and the build writes
 * the page's part into index.html for servers that send none. SECURITY.md says how to host it.
 */
import { isLoopback } from '../../src/support/loopback.ts';

const hubSources = ['https://huggingface.co', 'https://*.huggingface.co', 'https://*.hf.co'];

export interface PolicyOptions {
  /** Beside this server and the public hub: sources of a hub of the user's own. */
  readonly connect?: readonly string[];
  /** The library of Parquet's codecs (gzip, zstd, brotli, lz4) compiles WebAssembly when a worker loads it. */
  readonly usesWasm?: boolean;
  /** The page starts workers, and src/trusted-types.ts says which; a worker has no such sink to fill. */
  readonly trustedTypes: 'default' | "'none'";
}

/** As `<meta>`; a header adds who may frame the page, which no element can say. */
export function contentPolicy({ connect = [], usesWasm = false, trustedTypes }: PolicyOptions): string {
  return [
    "default-src 'none'",
    `script-src 'self'${usesWasm ? " 'wasm-unsafe-eval'" : ''}`,
    "worker-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "manifest-src 'self'",
    `connect-src ${["'self'", ...hubSources, ...connect].join(' ')}`,
    "base-uri 'none'",
    "form-action 'none'",
    "require-trusted-types-for 'script'",
    `trusted-types ${trustedTypes}`,
  ].join('; ');
}

const unframed = "frame-ancestors 'none'";
export const pagePolicy = (connect: readonly string[]): string =>
  `${contentPolicy({ connect, trustedTypes: 'default' })}; ${unframed}`;
/** A worker has the policy of its own file's answer, not the page's. */
export const workerPolicy = (connect: readonly string[]): string =>
  `${contentPolicy({ connect, usesWasm: true, trustedTypes: "'none'" })}; ${unframed}`;
/** Of what is no part of the page: data of the user's, and messages. */
export const nothingPolicy = `default-src 'none'; base-uri 'none'; form-action 'none'; ${unframed}; sandbox`;

/** As the build names the entry of a worker: "assets/trainer.worker-DNZdehto.js". */
export const isWorkerFile = (path: string): boolean => /\.worker-[\w-]+\.js$/.test(path);

const unusedFeatures = [
  'accelerometer',
  'autoplay',
  'bluetooth',
  'camera',
  'display-capture',
  'encrypted-media',
  'fullscreen',
  'gamepad',
  'geolocation',
  'gyroscope',
  'hid',
  'idle-detection',
  'local-fonts',
  'magnetometer',
  'microphone',
  'midi',
  'payment',
  'picture-in-picture',
  'publickey-credentials-get',
  'serial',
  'usb',
  'xr-spatial-tracking',
];

/** With every answer, whatever it holds. */
export const commonHeaders: Readonly<Record<string, string>> = {
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Permissions-Policy': unusedFeatures.map((feature) => `${feature}=()`).join(', '),
};

/**
 * The sources a hub at this address needs. The hub sends large files from storage whose hosts only it knows: another port of
 * this machine in tests, any host over https elsewhere. CSP has no word for IPv6 addresses, so there the scheme must do.
 */
export function hubSourcesOf(hubUrl: string): readonly string[] {
  const { protocol, origin, hostname } = new URL(hubUrl);
  if (hostname.startsWith('[')) return [protocol];
  if (isLoopback(hostname)) return [`${protocol}//${hostname}:*`];
  return protocol === 'https:' ? ['https:'] : [origin, 'https:'];
}
