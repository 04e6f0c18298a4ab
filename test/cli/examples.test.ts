import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect } from 'vitest'
import { kill9, liveApp, until } from '../support/live.ts'
import type { LiveRun } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'

const example = (name: string): string => fileURLToPath(new URL(`../../examples/${name}`, import.meta.url))

requires('python3')('examples/script does its work and ends', async () => {
  const run = liveApp({}).start(['-d', example('script'), '-p', String(portAt(0)), '--no-timestamps'])
  expect(await run.ended).toBe(0)
  const pid = /^system {3}\| script\.1 on \d+ \(pid (\d+)\)$/.exec(run.lines()[0] ?? '')?.[1]
  expect(run.lines().slice(1, 5)).toEqual([
    // The pid that tw-run names is the one that the script sees as its own.
    `script.1 | script.1 runs as pid ${pid}`,
    'script.1 | 1 squared is 1',
    'script.1 | 2 squared is 4',
    'script.1 | 3 squared is 9',
  ])
  expect(run.lines()[5]).toMatch(/^system {3}\| script\.1 ended \(exit code 0\) after \d+(\.\d)? s$/)
  expect(run.lines().slice(6)).toEqual([
    'system   | all stopped, nothing left running (script.1 ended (exit code 0))',
  ])
})

const NAMES = ['web.1', 'web.2', 'web.3', 'worker.1', 'worker.2']

describe('examples/web-worker with web=3,worker=2', () => {
  const test = requires('linux')

  test('five processes on their ports, each on its own', async () => {
    const { run, base } = await startFive()
    const five = await processesOf(run)
    expect(five.map(({ name }) => name)).toEqual(NAMES)
    expect(five.map(({ port }) => port - base)).toEqual([0, 1, 2, 100, 101])
    expect(five.map(({ env }) => Number(env['PORT']) - base)).toEqual([0, 1, 2, 100, 101])
    expect(five.map(({ env }) => env['PS'])).toEqual(NAMES)
    for (const facts of ['pid', 'session', 'group'] as const) {
      expect(new Set([...five.map((one) => one[facts]), own[facts]]), facts).toHaveLength(6)
    }
    const folders = five.map(({ env }) => env['TMPDIR'] ?? '')
    expect(new Set(folders)).toHaveLength(5)
    for (const folder of folders) expect(statSync(folder).mode & 0o777).toBe(0o700)
    for (const { port, name, pid } of five.filter((one) => one.name.startsWith('web'))) {
      await run.waitFor(new RegExp(`${name} +\\| listening on http://127.0.0.1:${port}`))
      expect(await get(port)).toBe(`hello from ${name} (pid ${pid}): no note here\n`)
    }
    await stop(run, five)
  })

  test('what one writes into its TMPDIR is not there for another, nor after a restart', async () => {
    const { run, base } = await startFive('--restart', 'always')
    const five = await processesOf(run)
    const [first] = five
    const folder = first?.env['TMPDIR'] ?? ''
    await run.waitFor(
      /web\.1 +\| listening[^]*web\.2 +\| listening|web\.2 +\| listening[^]*web\.1 +\| listening/,
    )
    await fetch(`http://127.0.0.1:${base}`, { method: 'PUT', body: 'mine' })
    expect(await get(base)).toMatch(/^hello from web\.1 .*: mine\n$/)
    expect(await get(base + 1)).toMatch(/^hello from web\.2 .*: no note here\n$/)
    expect(readdirSync(folder)).toEqual(['note'])

    kill9(first?.pid)
    await until('web.1 to listen again', () => run.output().match(/web\.1 +\| listening/g)?.length === 2)
    expect(await get(base)).toMatch(/^hello from web\.1 .*: no note here\n$/)
    // In the background.
    await until('its folder to go', () => !existsSync(folder))
    await stop(run, [...five, ...(await processesOf(run))])
  })
})

interface Facts {
  readonly pid: number
  readonly group: number
  readonly session: number
}

interface Process extends Facts {
  readonly name: string
  readonly port: number
  readonly env: Readonly<Record<string, string>>
}

const own = factsOf(process.pid)

async function startFive(...args: string[]): Promise<{ run: LiveRun; base: number }> {
  const base = portAt(0)
  const formation = ['--formation', 'web=3,worker=2', '-p', String(base)]
  return { run: liveApp({}).start(['-d', example('web-worker'), ...formation, ...args]), base }
}

/** Ctrl-C, and then nothing of these processes is there: counted by their tokens, from outside. */
async function stop(run: LiveRun, processes: readonly Process[]): Promise<void> {
  const tokens = processes.map(({ env }) => env['TW_RUN_INSTANCE'] ?? '')
  expect(new Set(tokens).size).toBeGreaterThanOrEqual(5)
  expect(carriersOf(tokens).length).toBeGreaterThanOrEqual(5)
  run.signal('SIGINT')
  expect(await run.ended).toBe(130)
  expect(carriersOf(tokens)).toEqual([])
  expect(processes.map(({ env }) => existsSync(env['TMPDIR'] ?? '')).filter(Boolean)).toEqual([])
  expect(run.output()).toMatch(/system +\| all stopped, nothing left running \(SIGINT\)\n$/)
}

/** The processes that the lines of tw-run name, as the kernel knows them. */
async function processesOf(run: LiveRun): Promise<Process[]> {
  // Each is said when it is known to run: on busy processors not always in their order.
  for (const name of NAMES) await run.waitFor(new RegExp(`system .*${name} on \\d+ \\(pid \\d+\\)`))
  const named = new Map<string, { port: number; pid: number }>()
  for (const [, name = '', port, pid] of run.output().matchAll(/(\w+\.\d) on (\d+) \(pid (\d+)\)/g))
    named.set(name, { port: Number(port), pid: Number(pid) })
  const inOrder = [...named].toSorted(([one], [other]) => one.localeCompare(other))
  return await Promise.all(
    inOrder.map(async ([name, { port, pid }]) => {
      return { name, port, ...factsOf(pid), env: await environmentOf(pid) }
    }),
  )
}

function factsOf(pid: number): Facts {
  const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const [, , group, session] = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return { pid, group: Number(group), session: Number(session) }
}

async function environmentOf(pid: number): Promise<Record<string, string>> {
  // Empty while it executes another program: the shell, and then the command.
  const text = await until(`the environment of ${pid}`, () => readFileSync(`/proc/${pid}/environ`, 'utf8'))
  const entries = text.split('\0').filter((entry) => entry !== '')
  return Object.fromEntries(
    entries.map((entry) => [entry.slice(0, entry.indexOf('=')), entry.slice(entry.indexOf('=') + 1)]),
  )
}

function carriersOf(tokens: readonly string[]): string[] {
  return readdirSync('/proc').filter((name) => {
    if (!/^\d+$/.test(name)) return false
    try {
      const environment = readFileSync(`/proc/${name}/environ`, 'latin1')
      return tokens.some((token) => environment.includes(`TW_RUN_INSTANCE=${token}`))
    } catch {
      // It ended meanwhile, or is not ours to see.
      return false
    }
  })
}

async function get(port: number): Promise<string> {
  return await (await fetch(`http://127.0.0.1:${port}`)).text()
}
