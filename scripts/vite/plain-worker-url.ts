/**
 * Vite addresses a worker by an expression that only a browser understands. Other bundlers copy the worker of a library only where
 * they read `new Worker(new URL("./file.js", import.meta.url))`, letter by letter.
 */
import type { Plugin } from 'vite';

const made =
  /new URL\(new URL\([`'"]([\w./-]+)[`'"],\s*import\.meta\.url\)\.href,\s*[`'"]{2}\s*\+\s*import\.meta\.url\)/g;

/** @throws where the build starts no worker in the form that is known: then it has to be looked at again. */
export const plainWorkerUrl = (): Plugin => ({
  name: 'plain-worker-url',
  apply: 'build',
  enforce: 'post',
  generateBundle(_options, bundle) {
    let found = 0;
    for (const chunk of Object.values(bundle)) {
      if (chunk.type !== 'chunk') continue;
      chunk.code = chunk.code.replace(made, (_, file: string) => {
        found += 1;
        return `new URL("./${file.replace(/^\.\//, '')}", import.meta.url)`;
      });
    }
    if (found === 0)
      throw new Error('The library starts no worker in the form that plain-worker-url.ts knows.');
  },
});
