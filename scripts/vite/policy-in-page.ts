/** Writes the content policy into the built index.html. The development server has none: it injects scripts of its own. */
import type { Plugin } from 'vite';
import { contentPolicy } from './page-policy.ts';

const charset = '<meta charset="utf-8" />';

/** Right after the charset, which has to be found early: a policy counts for what comes after it. */
export const policyInPage = (): Plugin => ({
  name: 'policy-in-page',
  apply: 'build',
  transformIndexHtml: {
    order: 'post',
    handler(html, { path }) {
      if (path !== '/index.html') return html; // the benchmark's page brings other libraries
      if (!html.includes(charset)) throw new Error(`index.html has no ${charset}`);
      const policy = contentPolicy({ trustedTypes: 'default' });
      return html.replace(
        charset,
        `${charset}
    <meta http-equiv="Content-Security-Policy" content="${policy}" />
    <meta name="referrer" content="no-referrer" />`,
      );
    },
  },
});
