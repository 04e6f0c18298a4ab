import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, describe, expect, test } from 'vitest'
import { requires } from '../support/requirement.ts'
import { BIN, cleanEnvironment, makeApp } from '../support/rig.ts'

const app = makeApp({ Procfile: 'web: node server.js\nworker: node worker.js\n' })
afterAll(() => app.cleanup())

const COMMANDS = ['start', 'run', 'check', 'ports', 'env', 'version']

test('no command prints the help to stderr and is wrong usage', async () => {
  const { code, stdout, stderr } = await app.cli([])
  expect([code, stdout]).toEqual([2, ''])
  for (const command of COMMANDS) expect(stderr).toContain(`  ${command}`)
})

test.each([[['help']], [['--help']], [['-h']], [['help', 'help']]])(
  '%j prints the help to stdout',
  async (words) => {
    const { code, stdout, stderr } = await app.cli(words)
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toContain('Usage: tw-run <command> [options]')
  },
)

test.each(COMMANDS)('help of %s', async (command) => {
  const help = await app.cli(['help', command])
  expect([help.code, help.stderr]).toEqual([0, ''])
  expect(help.stdout).toContain(`Usage: tw-run ${command}`)
  expect((await app.cli([command, '--help'])).stdout).toBe(help.stdout)
})

test('the help says where ports can be picked, and from which', async () => {
  for (const command of ['with', 'prove']) {
    const { stdout } = await app.cli(['help', command])
    expect(stdout.replaceAll(/\s+/g, ' ')).toMatch(/--port <port> the first port \(.*auto.*TW_RUN_AUTO_PORTS/)
  }
  expect((await app.cli(['help', 'start'])).stdout).not.toContain('auto')
})

test.each([['version'], ['--version'], ['-V']])('%s prints the version of the package', async (word) => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await app.cli([word])).toEqual({ code: 0, stdout: `tw-run ${version}\n`, stderr: '' })
})

describe('wrong usage ends with 2 and says what was meant', () => {
  test.each([
    [['strat'], "tw-run: unknown command 'strat'\n(Did you mean start?)\n"],
    [['help', 'strat'], "tw-run: unknown command 'strat'\n(Did you mean start?)\n"],
    [
      ['start', '--fromation', 'web=1'],
      "tw-run: unknown option '--fromation'\n(Did you mean --formation?)\n",
    ],
    [['check', '-f'], "tw-run: option '-f, --procfile <file>' argument missing\n"],
    [['run'], "tw-run: missing required argument 'words'\n"],
    [['env', 'a', 'b'], "tw-run: too many arguments for 'env'. Expected 1 argument but got 2.\n"],
  ])('%j', async (args, stderr) => {
    expect(await app.cli(args)).toEqual({ code: 2, stdout: '', stderr })
  })
})

test('a closed reader is no error', () => {
  const options = { cwd: app.root, env: cleanEnvironment(), encoding: 'utf8' } as const
  const pipe = `for i in 1 2 3; do "${process.execPath}" "${BIN}" help; done | head -1`
  const { stdout, stderr } = spawnSync('sh', ['-c', pipe], options)
  expect([stdout, stderr]).toEqual(['Usage: tw-run <command> [options]\n', ''])
})

requires('linux').for(['version', 'help', 'check', 'ports'])(
  '%s into a file on a full disk is no bug of tw-run',
  (command) => {
    const options = { cwd: app.root, env: cleanEnvironment(), encoding: 'utf8' } as const
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `exec "${process.execPath}" "${BIN}" ${command} >/dev/full`],
      options,
    )
    expect([status, stderr]).toEqual([1, 'tw-run: cannot write the output: no space left on the disk\n'])
  },
)

test('help is as wide as the terminal', () => {
  const command = `stty cols 44; "${process.execPath}" "${BIN}" help; echo after`
  const options = { cwd: app.root, env: cleanEnvironment(), encoding: 'utf8' } as const
  const { stdout } = spawnSync('script', ['-qec', command, '/dev/null'], options)
  expect(stdout).toContain('Usage: tw-run')
  expect(stdout).toContain('after')
  const indented = stdout.split(/\r?\n/).filter((line) => line.startsWith('   '))
  expect(Math.max(...indented.map((line) => line.length))).toBeLessThanOrEqual(44)
})

test('what a command does not need is not loaded', () => {
  const always = ['asking', 'command-line', 'rolldown-runtime', 'tw-run']
  expect(loaded('version')).toEqual({ chunks: always, heavy: [] })
  expect(loaded('--help')).toEqual({ chunks: [...always, 'main'].toSorted(), heavy: [] })
  const { chunks, heavy } = loaded('ps')
  expect(chunks).toEqual(expect.arrayContaining([...always, 'ps-action', 'control']))
  const others = /main|shared|ground|start|run|route|prove|with|yaml|execa|paint|pidusage|tree-kill/
  expect(chunks.filter((chunk) => others.test(chunk) && !always.includes(chunk))).toEqual([])
  expect(heavy).toEqual([])
})

/** The files of ours and the larger modules of Node that a command has loaded when it ends. */
function loaded(...args: string[]): { chunks: string[]; heavy: string[] } {
  // Not what Node keeps in require.cache: most chunks are loaded past it.
  const report = `const fs = require('fs')
    const { writeFileSync } = fs
    const files = new Set()
    for (const name of ['readFileSync', 'openSync']) {
      const read = fs[name]
      fs[name] = (file, ...options) => {
        files.add(String(file))
        return read(file, ...options)
      }
    }
    // The text of some stands in a file with others.
    const vm = require('vm')
    vm.Script = class extends vm.Script {
      constructor(text, options) {
        files.add(options.filename)
        super(text, options)
      }
    }
    process.on('exit', () => writeFileSync(process.env.TW_TEST_REPORT,
      JSON.stringify([[...files], process.moduleLoadList])))`
  writeFileSync(app.path('preload.cjs'), report)
  const env = { ...cleanEnvironment(), TW_RUN_STATE_DIR: app.stateDir, TW_TEST_REPORT: app.path('report') }
  spawnSync(process.execPath, ['--require', app.path('preload.cjs'), BIN, ...args], { cwd: app.root, env })
  const [files, builtins] = JSON.parse(readFileSync(app.path('report'), 'utf8')) as [string[], string[]]
  const chunks = files.flatMap((path) => /\/dist\/cli\/([\w-]+)\.(?:cjs|txt)$/.exec(path)?.[1] ?? [])
  const heavy = ['crypto', 'net', 'child_process', 'os', 'stream', 'tty'].filter((name) =>
    builtins.includes(`NativeModule ${name}`),
  )
  return { chunks: chunks.toSorted(), heavy }
}
