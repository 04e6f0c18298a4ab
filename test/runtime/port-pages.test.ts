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
import { portAt } from '../support/ports.ts'
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
  const holders = await Promise.all(
    [...Array(6).keys()].map(async () => await holder(2, portAt(0), portAt(59))),
  )
  const firsts = holders.map(({ said }) => Number(said))
  expect(firsts.toSorted((a, b) => a - b)).toEqual([
    portAt(0),
    portAt(10),
    portAt(20),
    portAt(30),
    portAt(40),
    portAt(50),
  ])
  const { said } = await holder(1, portAt(0), portAt(59))
  expect(said).toBe(`there are no 1 free ports in a row from ${portAt(0)} to ${portAt(59)}`)
})

test('more than a page is reserved as a whole', async () => {
  expect((await holder(12, portAt(60), portAt(79))).said).toBe(String(portAt(60)))
  expect((await holder(1, portAt(60), portAt(79))).said).toMatch(/^there are no/)
})

test('what a killed one had is free again', async () => {
  const first = await holder(1, portAt(120), portAt(129))
  expect(first.said).toBe(String(portAt(120)))
  expect((await holder(1, portAt(120), portAt(129))).said).toMatch(/^there are no/)
  kill9(first.pid)
  await until('it to be gone', () => first.isOver())
  expect((await holder(1, portAt(120), portAt(129))).said).toBe(String(portAt(120)))
})

test('pages are the same for all, wherever a range begins, and wholly within it', async () => {
  expect((await holder(1, portAt(131), portAt(149))).said).toBe(String(portAt(140)))
  expect((await holder(1, portAt(135), portAt(145))).said).toMatch(/^there are no/)
})

test('a port that is listened on, on any address, is none', async () => {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(portAt(153), '::1', resolve))
  onTestFinished(() => void server.close())
  expect((await holder(5, portAt(150), portAt(169))).said).toBe(String(portAt(160)))
  expect((await holder(3, portAt(150), portAt(159))).said).toBe(String(portAt(150)))
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
