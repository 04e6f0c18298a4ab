import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { readPack } from '../../src/runtime/code-pack.ts'
import { liveApp, until } from '../support/live.ts'
import { portAt } from '../support/ports.ts'
import { requires } from '../support/requirement.ts'
import { makeApp } from '../support/rig.ts'

const app = makeApp({ Procfile: 'web: true\n', 'home/.keep': '' })
afterAll(() => app.cleanup())

/** Says, of each chunk that was compiled with what was kept of it, whether V8 took that. */
const SPY = `
const vm = require('node:vm')
const Script = vm.Script
vm.Script = class extends Script {
  constructor(code, options) {
    super(code, options)
    if (options.cachedData) process.stderr.write(this.cachedDataRejected ? 'refused ' : 'taken ')
  }
}
`
const HOME = app.path('home')

/** What `check` says, and what became of kept code. */
async function check(env: Readonly<Record<string, string>> = {}): Promise<[string, string[]]> {
  const preload = app.path('spy.cjs')
  writeFileSync(preload, SPY)
  const { stdout, stderr } = await app.cli(['check'], {
    HOME,
    XDG_CACHE_HOME: '',
    NODE_OPTIONS: `--require ${preload}`,
    ...env,
  })
  return [stdout, stderr.split(' ').filter((word) => word === 'taken' || word === 'refused')]
}

test('compiled code is kept for the next command, by its owner alone, and made anew where it is damaged', async () => {
  const [said, first] = await check()
  expect(said).toContain('web')
  expect(first).toEqual([])
  const parent = join(HOME, '.cache/tw-run')
  const [name = ''] = readdirSync(parent)
  const folder = join(parent, name)
  const pack = join(folder, 'check')
  expect(readdirSync(folder)).toEqual(['check'])
  expect([folder, pack].map((one) => statSync(one).mode & 0o777)).toEqual([0o700, 0o600])

  const [again, second] = await check()
  expect(again).toBe(said)
  expect(second).toEqual([...readPack(pack).keys()].map(() => 'taken'))
  expect(second.length).toBeGreaterThan(2)

  // What a command calls depends on what it finds: the code is kept again, no more often than each minute.
  const before = statSync(pack).mtimeMs
  expect((await check())[1]).toEqual(second)
  expect(statSync(pack).mtimeMs).toBe(before)
  utimesSync(pack, 0, Date.now() / 1_000 - 61)
  expect((await check())[1]).toEqual(second)
  expect(statSync(pack).mtimeMs).toBeGreaterThanOrEqual(before)

  // Damaged as a power cut may leave it: V8 itself would take it and crash.
  const whole = readFileSync(pack)
  const page = 4096
  const halved = whole.subarray(0, whole.length / 2)
  for (const bytes of [halved, whole.subarray(0, page), Buffer.from(whole).fill(0, 2 * page, 3 * page)]) {
    writeFileSync(pack, bytes)
    expect(await check()).toEqual([said, []])
    expect((await check())[1]).toEqual(second)
  }

  chmodSync(folder, 0o777)
  expect((await check())[1]).toEqual([])
  chmodSync(folder, 0o700)
  expect((await check())[1]).toEqual(second)
  expect(await check({ HOME: app.path('nobody') })).toEqual([said, []])
  expect(existsSync(app.path('nobody'))).toBe(false)
})

const byText = (one: string, other: string): number => one.localeCompare(other)
const testRoots = requires('root')

testRoots("in another user's home nothing is kept, and nothing is made that he could not use", async () => {
  const homes = { '': [], '.cache': ['.cache'], '.cache/tw-run': ['.cache', '.cache/tw-run'] }
  for (const [made, all] of Object.entries(homes)) {
    const home = app.path(`their home ${made.length}`)
    mkdirSync(join(home, made), { recursive: true })
    const nobody = 65_534
    for (let at = join(home, made); at !== app.root; at = dirname(at)) chownSync(at, nobody, nobody)
    const [said] = await check({ HOME: home })
    expect(said).toContain('web')
    expect(readdirSync(home, { recursive: true }).map(String).toSorted(byText)).toEqual(all)
  }
})

test('what a start keeps, which changes what V8 does and runs long, is taken by the next one, also if it is killed', async () => {
  const live = liveApp({ Procfile: 'web: echo up; exec sleep 100\n', 'spy.cjs': SPY, 'home/.keep': '' })
  const env = {
    HOME: live.path('home'),
    XDG_CACHE_HOME: '',
    NODE_OPTIONS: `--require ${live.path('spy.cjs')}`,
  }
  const options = ['-p', String(portAt(0)), '-t', '1']
  const kept = (): string[] => {
    const parent = join(env.HOME, '.cache/tw-run')
    if (!existsSync(parent)) return []
    return readdirSync(parent).flatMap((build) => [...readPack(join(parent, build, 'start')).keys()])
  }
  const first = live.start(options, env)
  await first.waitFor(/up/)
  const chunks = await until('code to be kept', () => {
    const names = kept()
    return names.includes('supervising.cjs') ? names : undefined
  })
  first.signal('SIGKILL')
  await first.ended
  const second = live.start(options, env)
  await second.waitFor(/still running/)
  second.signal('SIGINT')
  await second.ended
  const said = second
    .output()
    .split(/\s/)
    .filter((word) => word === 'taken' || word === 'refused')
  expect(said.filter((word) => word === 'refused')).toEqual([])
  expect(said.length).toBeGreaterThanOrEqual(chunks.length)
})
