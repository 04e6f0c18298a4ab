import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { rolldown } from 'rolldown'
import { afterAll, beforeAll, expect, onTestFinished } from 'vitest'
import { kill9, until } from '../support/live.ts'
import { requires } from '../support/requirement.ts'

const test = requires('linux')
const SOURCE = fileURLToPath(new URL('../../src/runtime/port-pages.ts', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'tw-run-test-pages-'))
const MODULE = join(folder, 'port-pages.mjs')

// What has to die is a process of its own, which Node 20 cannot run from the source.
beforeAll(async () => {
  const bundle = await rolldown({ input: SOURCE, platform: 'node', logLevel: 'silent' })
  await bundle.write({ file: MODULE, format: 'esm' })
  await bundle.close()
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('processes that reserve at once, in folders of their own, get different ports', async () => {
  const holders = await Promise.all([...Array(6).keys()].map(async () => await holder(2, 22_300, 22_359)))
  const firsts = holders.map(({ said }) => Number(said))
  expect(firsts.toSorted((a, b) => a - b)).toEqual([22_300, 22_310, 22_320, 22_330, 22_340, 22_350])
  const { said } = await holder(1, 22_300, 22_359)
  expect(said).toBe('there are no 1 free ports in a row from 22300 to 22359')
})

test('more than a page is reserved as a whole', async () => {
  expect((await holder(12, 22_360, 22_379)).said).toBe('22360')
  expect((await holder(1, 22_360, 22_379)).said).toMatch(/^there are no/)
})

test('what a killed one had is free again', async () => {
  const first = await holder(1, 22_420, 22_429)
  expect(first.said).toBe('22420')
  expect((await holder(1, 22_420, 22_429)).said).toMatch(/^there are no/)
  kill9(first.pid)
  await until('it to be gone', () => first.isOver())
  expect((await holder(1, 22_420, 22_429)).said).toBe('22420')
})

test('pages are the same for all, wherever a range begins, and wholly within it', async () => {
  expect((await holder(1, 22_431, 22_449)).said).toBe('22440')
  expect((await holder(1, 22_435, 22_445)).said).toMatch(/^there are no/)
})

test('a port that is listened on, on any address, is none', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(22_453, '::1', resolve))
  onTestFinished(() => void server.close())
  expect((await holder(5, 22_450, 22_469)).said).toBe('22460')
  expect((await holder(3, 22_450, 22_459)).said).toBe('22450')
})

interface Holder {
  readonly pid: number | undefined
  /** The first port, or the error. */
  readonly said: string
  isOver(): boolean
}

/** A process that reserves so many ports and holds them until the test ends. */
async function holder(count: number, first: number, last: number): Promise<Holder> {
  const script = `
    const { reservePorts } = await import(${JSON.stringify(MODULE)})
    const found = await reservePorts(${count}, { first: ${first}, last: ${last} }, Math.random()).catch(({ message }) => message)
    console.log(found)
    setTimeout(() => {}, 1e6)`
  const env = { ...process.env, TMPDIR: `/tmp/none-${first}` }
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => {
    if (child.exitCode === null && child.signalCode === null) kill9(child.pid)
  })
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string]
  return { pid: child.pid, said: said.trim(), isOver: () => child.signalCode !== null }
}
