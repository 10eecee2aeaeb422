/**
 * `--install`: on Debian, fetches a recent Mesa with apt-get and unpacks it into .cache/lavapipe. The system stays as it
 * is: apt works on private lists and only downloads. The release's own backports come first, as they have newer drivers.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { privateCopy } from './find-driver.ts';

function run(program: string, args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', timeout: 600_000 });
  if (error !== undefined) throw new Error(`${program} could not be started: ${error.message}`);
  if (status !== 0)
    throw new Error(`${program} ended with ${status}: ${stderr.trim().split('\n').slice(-3).join(' ')}`);
  return stdout;
}

/** The release's name and the mirror this machine already uses. @throws where this is no Debian with apt. */
function debian(): { codename: string; mirror: string } {
  const codename = /^VERSION_CODENAME=(\w+)/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1];
  if (codename === undefined) throw new Error('this Debian does not say which release it is');
  const targets = run('apt-get', [
    'indextargets',
    '--format',
    '$(REPO_URI) $(RELEASE)',
    'Identifier: Packages',
  ]);
  const mirror = targets
    .split('\n')
    .map((line) => line.split(' '))
    .find(([, release]) => release === codename)?.[0];
  if (mirror === undefined) throw new Error(`apt has no source for ${codename}`);
  return { codename, mirror };
}

/** apt with lists, cache and sources of its own; it still knows what is installed, so that it fetches what is lacking. */
function privateApt(work: string, sources: readonly string[]): (...words: string[]) => string {
  const archives = join(work, 'archives');
  mkdirSync(join(archives, 'partial'), { recursive: true });
  mkdirSync(join(work, 'lists', 'partial'), { recursive: true });
  writeFileSync(join(work, 'sources.list'), sources.map((line) => `${line}\n`).join(''));
  const settings = {
    'Dir::Etc::sourcelist': join(work, 'sources.list'),
    'Dir::Etc::sourceparts': '-',
    'Dir::State::lists': join(work, 'lists'),
    'Dir::Cache': work,
    'Dir::Cache::archives': archives,
    'Debug::NoLocking': 'true',
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).flatMap(([key, value]) => ['-o', `${key}=${value}`]);
  return (...words) => run('apt-get', [...options, ...words]);
}

/** Returns the folder with the driver. @throws with one line saying what went wrong. */
export function installDriver(say: (line: string) => void): string {
  const { codename, mirror } = debian();
  rmSync(privateCopy, { recursive: true, force: true });
  const work = join(privateCopy, 'work');
  const suites = [codename, `${codename}-backports`];
  const apt = privateApt(
    work,
    suites.map((suite) => `deb ${mirror} ${suite} main`),
  );
  say(`Fetching Mesa's Vulkan drivers of ${suites.join(' and ')} into ${privateCopy} …`);
  apt('update');
  const wanted = ['mesa-vulkan-drivers', 'libvulkan1'];
  apt(
    'install',
    '--download-only',
    '-y',
    '--reinstall',
    '--no-install-recommends',
    '-t',
    suites[1],
    ...wanted,
  );
  const packages = readdirSync(join(work, 'archives')).filter((name) => name.endsWith('.deb'));
  for (const name of packages) run('dpkg', ['-x', join(work, 'archives', name), join(work, 'root')]);
  say(`Unpacked ${packages.join(', ')}`);
  const usr = join(work, 'root', 'usr');
  const triplet = readdirSync(join(usr, 'lib')).find((name) => name.endsWith('-linux-gnu'));
  if (triplet === undefined) throw new Error('the packages have no libraries');
  cpSync(join(usr, 'lib', triplet), join(privateCopy, 'lib'), { recursive: true, verbatimSymlinks: true });
  for (const name of readdirSync(join(usr, 'share', 'vulkan', 'icd.d'))) {
    if (!name.startsWith('lvp_icd')) continue;
    const manifest = JSON.parse(readFileSync(join(usr, 'share', 'vulkan', 'icd.d', name), 'utf8')) as {
      ICD: { library_path: string };
    };
    manifest.ICD.library_path = join(privateCopy, 'lib', 'libvulkan_lvp.so');
    writeFileSync(join(privateCopy, name), JSON.stringify(manifest));
  }
  rmSync(work, { recursive: true, force: true });
  return privateCopy;
}
