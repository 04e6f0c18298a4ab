import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { test } from 'vitest'
import type { TestAPI } from 'vitest'

/** The Debian package of every program that some test needs and not every machine has. */
const PACKAGES = {
  docker: 'docker.io',
  dockerd: 'docker.io',
  fallocate: 'util-linux',
  fish: 'fish',
  flock: 'util-linux',
  git: 'git',
  ip: 'iproute2',
  lsof: 'lsof',
  memcached: 'memcached',
  nsenter: 'util-linux',
  prlimit: 'util-linux',
  ps: 'procps',
  ss: 'iproute2',
  python3: 'python3',
  'redis-server': 'redis-server',
  script: 'bsdutils',
  setpriv: 'util-linux',
  setsid: 'util-linux',
  strace: 'strace',
  tmux: 'tmux',
  mount: 'mount',
  unshare: 'util-linux',
  wrk: 'wrk',
  zsh: 'zsh',
  runsvdir: 'runit',
  's6-svscan': 's6',
  supervisord: 'supervisor',
  systemctl: 'systemd',
  'systemd-analyze': 'systemd',
  'docker-compose': 'docker-compose',
} as const

/** The Debian packages of what some test's Python has to import. */
const MODULES = { compressor: 'python3-django python3-django-compressor' } as const

export type Tool = keyof typeof PACKAGES | keyof typeof MODULES
/** A program, what Python can import, or the kind of machine that a test can run on. */
export type Requirement = Tool | 'linux' | 'linux-x64' | 'root'

/** In CI: what cannot run has failed. */
const MUST_RUN = process.env['TW_RUN_TEST_ALL'] === '1'

/** A line for a person: what is missing here and how to get it; undefined if nothing is. */
export function missing(...requirements: readonly Requirement[]): string | undefined {
  const lacking = requirements.filter((requirement) => !isHere(requirement))
  const machines = lacking.filter((one) => !isTool(one))
  if (machines.length > 0) return `only on ${machines.join(', ')}`.replace('only on root', 'only as root')
  const packages = new Set(lacking.filter(isTool).map((tool) => ({ ...PACKAGES, ...MODULES })[tool]))
  return packages.size === 0 ? undefined : `apt-get install ${[...packages].join(' ')}`
}

/**
 * The `test` for what needs these. Where one is missing, every test made with it is skipped, with the line
 * that would install it for the closing report, or under TW_RUN_TEST_ALL=1 fails with that line. A hook of
 * the same file runs all the same, so let it ask `missing` first.
 */
export function requires(...requirements: readonly Requirement[]): TestAPI {
  const lack = missing(...requirements)
  if (lack === undefined) return test
  return test.extend<{ unmet: undefined }>({
    unmet: [
      async ({ skip }, use) => {
        if (MUST_RUN) throw new Error(`this test cannot run here: ${lack}`)
        skip(lack)
        await use(undefined)
      },
      { auto: true },
    ],
  })
}

function isHere(requirement: Requirement): boolean {
  if (requirement === 'linux') return process.platform === 'linux'
  if (requirement === 'linux-x64') return process.platform === 'linux' && process.arch === 'x64'
  if (requirement === 'root') return process.getuid?.() === 0
  if (requirement in MODULES) return pythonWith(requirement) !== undefined
  return placesOf(requirement).length > 0
}

/** The first python3 that can import this module: the one of Debian is not always the first of all. */
export function pythonWith(module: string): string | undefined {
  return placesOf('python3').find((python) => spawnSync(python, ['-c', `import ${module}`]).status === 0)
}

/** Where this program is, in the order of PATH. */
function placesOf(program: string): string[] {
  const paths = (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, program))
  return paths.filter((path) => {
    try {
      accessSync(path, constants.X_OK)
      return true
    } catch {
      // Not here; maybe in the next one.
      return false
    }
  })
}

function isTool(requirement: Requirement): requirement is Tool {
  return requirement in PACKAGES || requirement in MODULES
}
