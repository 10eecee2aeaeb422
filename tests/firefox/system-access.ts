/**
 * What a test does outside of the page: it chooses a folder in Firefox's dialog. WebDriver can give files to an input, but no folder, so
 * the system's dialog is replaced by one that answers, in Firefox's own window, which WebDriver reaches with `--remote-allow-system-access`.
 * Everything behind the dialog is Firefox's: its question, the listing of the folder, the files.
 */
import type { Browser } from 'puppeteer-core';

export const systemAccess = '--remote-allow-system-access';
export const systemPreferences = { 'security.dialog_enable_delay': 0 }; // ms until its dialogs can be answered

interface Connection {
  send(
    method: string,
    parameters: unknown,
  ): Promise<{
    readonly result: {
      readonly type?: string;
      readonly result?: { readonly value?: unknown };
      readonly contexts?: readonly { readonly context: string }[];
      readonly exceptionDetails?: { readonly text: string };
    };
  }>;
}

/** Evaluates `expression` in the window's own document. @throws what it throws */
async function inWindow(browser: Browser, expression: string): Promise<unknown> {
  // Puppeteer keeps its connection to itself and has no words for Firefox's "moz:scope".
  const { connection } = browser as unknown as { readonly connection: Connection };
  const tree = await connection.send('browsingContext.getTree', { 'moz:scope': 'chrome' });
  const context = tree.result.contexts?.[0]?.context;
  if (context === undefined) throw new Error('Firefox shows no window');
  const { result } = await connection.send('script.evaluate', {
    target: { context },
    expression,
    awaitPromise: true,
  });
  if (result.type === 'exception') throw new Error(result.exceptionDetails?.text ?? 'an exception');
  return result.result?.value;
}

/** The next dialog for a folder or file answers with `path`, without being shown. */
export const answerFolderDialog = (browser: Browser, path: string): Promise<unknown> =>
  inWindow(
    browser,
    `(() => {
      const folder = Cc['@mozilla.org/file/local;1'].createInstance(Ci.nsIFile);
      folder.initWithPath(${JSON.stringify(path)});
      const nothing = () => {};
      const picker = {
        QueryInterface: ChromeUtils.generateQI(['nsIFilePicker']),
        init: nothing, appendFilter: nothing, appendFilters: nothing, appendRawFilter: nothing,
        file: folder,
        open: (callback) => Promise.resolve().then(() => callback.done(Ci.nsIFilePicker.returnOK)),
      };
      Components.manager
        .QueryInterface(Ci.nsIComponentRegistrar)
        .registerFactory(Services.uuid.generateUUID(), '', '@mozilla.org/filepicker;1', {
          QueryInterface: ChromeUtils.generateQI(['nsIFactory']),
          createInstance: (iid) => picker.QueryInterface(iid),
        });
    })()`,
  );

/** Accepts what Firefox asks the user about the page at `url`; what it asked, or null where it asks nothing (yet). */
export const acceptQuestion = async (browser: Browser, url: string): Promise<string | null> => {
  const asked = await inWindow(
    browser,
    `(() => {
      const shown = gBrowser.browsers.find(({ currentURI }) => currentURI.spec.startsWith(${JSON.stringify(url)}));
      const [dialog] = gBrowser.getTabDialogBox(shown).getTabDialogManager()._dialogs;
      const text = dialog?._frame.contentDocument?.querySelector('#infoBody')?.textContent;
      if (!text) return null;
      dialog._frame.contentDocument.querySelector('dialog').acceptDialog();
      return text;
    })()`,
  );
  return typeof asked === 'string' ? asked : null;
};
