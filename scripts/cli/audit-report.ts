/** `npm audit --json`, read for what matters here: which of its advisories are of code that is in the page. */

interface Advisory {
  readonly name: string; // the package that has the fault
  readonly title: string;
  readonly url: string;
  readonly severity: string;
  readonly range: string;
}
interface AuditReport {
  readonly error?: { readonly summary?: string; readonly code?: string };
  readonly message?: string;
  /** `via`: advisories of the package itself, and names of packages it has faults through. */
  readonly vulnerabilities?: Readonly<Record<string, { readonly via: readonly (Advisory | string)[] }>>;
}

export interface AdvisoriesFound {
  readonly inPage: readonly Advisory[];
  readonly elsewhere: readonly Advisory[];
}

/** @throws Error where the registry could not be asked */
export function advisoriesOf(json: string, packagesInPage: ReadonlySet<string>): AdvisoriesFound {
  const report = parsed(json);
  if (report.vulnerabilities === undefined)
    throw new Error(
      `npm audit gave no report: ${report.error?.summary || report.message || report.error?.code || 'no reason is given'}`,
    );
  const all = new Map<string, Advisory>();
  for (const { via } of Object.values(report.vulnerabilities))
    for (const advisory of via)
      if (typeof advisory !== 'string') all.set(advisory.url + advisory.name, advisory);
  const advisories = [...all.values()].sort((a, b) => a.name.localeCompare(b.name));
  return {
    inPage: advisories.filter(({ name }) => packagesInPage.has(name)),
    elsewhere: advisories.filter(({ name }) => !packagesInPage.has(name)),
  };
}

function parsed(json: string): AuditReport {
  try {
    return JSON.parse(json) as AuditReport;
  } catch {
    throw new Error(`npm audit gave no report: ${json.trim().slice(0, 200) || 'no output'}`);
  }
}
