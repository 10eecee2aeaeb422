/** Prints the path of the browser that tests and training use; exits with 1 and one line of advice when there is none. */
import { requireBrowser } from './cli/find-browser.ts';

try {
  console.log(requireBrowser((line) => console.error(line)).path);
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
