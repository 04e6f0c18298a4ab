import { chmodSync, existsSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { makeApp } from '../support/rig.ts'

const app = makeApp({ Procfile: 'web: true\n', 'home/.keep': '' })
afterEach(() => app.cleanup())

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

// From 22 on it is Node that keeps it.
test.skipIf(Number.parseInt(process.versions.node, 10) >= 22)(
  'compiled code is kept for the next command, by its owner alone, and made anew where it is damaged',
  async () => {
    const [said, first] = await check()
    expect(said).toContain('web')
    expect(first).toEqual([])
    const parent = join(HOME, '.cache/tw-run')
    const [name = ''] = readdirSync(parent)
    const folder = join(parent, name)
    expect(statSync(folder).mode & 0o777).toBe(0o700)
    const chunks = readdirSync(folder)
    expect(chunks).toContain('main.cjs')

    const [again, second] = await check()
    expect(again).toBe(said)
    expect(second).toEqual(chunks.map(() => 'taken'))

    // Damaged as a power cut may leave it: V8 itself would take it and crash.
    const damaged = join(folder, 'main.cjs')
    const whole = readFileSync(damaged)
    const page = 4096
    for (const bytes of [whole.subarray(0, page), Buffer.from(whole).fill(0, 2 * page, 3 * page)]) {
      writeFileSync(damaged, bytes)
      expect(await check()).toEqual([said, second.slice(1)])
      expect((await check())[1]).toEqual(second)
    }

    chmodSync(folder, 0o777)
    expect((await check())[1]).toEqual([])
    expect(await check({ HOME: app.path('nobody') })).toEqual([said, []])
    expect(existsSync(app.path('nobody'))).toBe(false)
  },
)
