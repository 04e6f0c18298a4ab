import { spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import { lap, newestPid } from '../../src/runtime/pid-laps.ts'
import * as linux from '../../src/runtime/process-table-linux.ts'
import * as ps from '../../src/runtime/process-table-ps.ts'
import { Acquaintances } from '../../src/runtime/acquaintances.ts'
import { signalCarrier, signalGroup } from '../../src/runtime/signal.ts'
import { until } from '../support/live.ts'

/** Of this run of the tests alone: another one, such as of another clone, would find what it carries. */
const TOKEN = randomBytes(8).toString('hex')
const OTHER = randomBytes(8).toString('hex')
const children = new Set<number>()

/** A process in a group of its own, until the end of the test. */
async function group(command: string, env: Record<string, string> = {}): Promise<number> {
  const child = spawn('/bin/sh', ['-c', command, `tw-run:${TOKEN}`], {
    detached: true,
    stdio: 'ignore',
    env: { PATH: process.env['PATH'] ?? '', ...env },
  })
  const pid = child.pid ?? 0
  children.add(pid)
  await until('the child to have started', () => linux.argumentsOf(pid)?.includes(TOKEN))
  return pid
}

/** Whether the child of a shell executes its program: until then it is a second shell. */
function hasBegun(shell: number): boolean {
  return linux.argumentsOf(linux.childOf(shell) ?? 0)?.startsWith('sleep') === true
}

afterEach(async () => {
  for (const pid of children) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It is gone already.
    }
  }
  children.clear()
  // A busy machine takes its time to end what was killed.
  await until('all to be gone', () => linux.carriersNow(new Set([TOKEN, OTHER])).length === 0)
})

describe.each([
  ['by /proc', linux],
  ['by ps', ps],
])('%s', (_, table) => {
  test('finds what carries a token in its environment, also within another tw-run', async () => {
    const own = await group('sleep 100; true', { TW_RUN_INSTANCE: TOKEN })
    const within = await group('sleep 100; true', {
      TW_RUN_INSTANCE: '0'.repeat(16),
      TW_RUN_WITHIN: `abc,${TOKEN}`,
    })
    const stranger = await group('sleep 100; true', { OTHER: TOKEN })
    await until('all to have begun', () => [own, within, stranger].every((pid) => hasBegun(pid)))
    const found = table.carriers(new Set([TOKEN]))
    expect(new Set(found.map((one) => one.group))).toEqual(new Set([own, within]))
    expect(found).toHaveLength(4)
    expect(found.find(({ pid }) => pid === own)?.command).toContain('/bin/sh -c sleep 100')
    expect(table.carriersNow(new Set([TOKEN]))).toEqual(found)
  })

  test('knows arguments, children, state and group', async () => {
    const pid = await group('sleep 100; true')
    await until('the child to have begun', () => hasBegun(pid))
    const child = linux.childOf(pid) ?? 0
    expect(table.argumentsOf(pid)).toContain(`tw-run:${TOKEN}`)
    expect(table.childOf(pid)).toBe(child)
    expect(table.groupOf(child)).toBe(pid)
    expect(table.findByArgument(`tw-run:${TOKEN}`)).toEqual([pid])
    expect(table.stateOf(pid)).toMatch(/^[RSD]$/)
    process.kill(pid, 'SIGSTOP')
    await until('it to stop', () => table.stateOf(pid) === 'T')
  })

  test("knows nothing of a pid that is nobody's", () => {
    const nobody = 4_194_303
    expect(table.argumentsOf(nobody)).toBeUndefined()
    expect(table.childOf(nobody)).toBeUndefined()
    expect(table.stateOf(nobody)).toBeUndefined()
    expect(table.groupOf(nobody)).toBeUndefined()
    expect(table.carriers(new Set())).toEqual([])
  })
})

test('a group is signalled only if its leader, or a member, carries the token', async () => {
  const pid = await group('sleep 100; true')
  expect(signalGroup(pid, '0123456789abcdef', 'SIGKILL')).toBe('gone')
  // Vforked children leave it in D for a moment.
  expect(linux.stateOf(pid)).toMatch(/[RSD]/)
  expect(signalGroup(pid, TOKEN, 'SIGKILL')).toBe('sent')
  await until('it to end', () => !/[RSD]/.test(linux.stateOf(pid) ?? ''))
})

test('a group whose leader is gone is signalled by a member that carries the token', async () => {
  const pid = await group('sleep 100; true', { TW_RUN_INSTANCE: TOKEN })
  await until('two of them', () => linux.carriers(new Set([TOKEN])).length === 2)
  process.kill(pid, 'SIGKILL')
  await until('one of them', () => linux.carriers(new Set([TOKEN])).length === 1)
  expect(signalGroup(pid, TOKEN, 'SIGKILL')).toBe('sent')
  await until('none of them', () => linux.carriers(new Set([TOKEN])).length === 0)
})

test.each([0, 1, -1, Number.NaN, 1.5, process.pid])('pid %d is never signalled', (pid) => {
  const carrier = { pid, group: 1, token: TOKEN, command: '' }
  expect(() => signalCarrier(carrier, 'SIGCONT')).toThrow('refusing to signal')
})

test('our own group is never signalled', () => {
  const own = linux.groupOf(process.pid) ?? 0
  expect(() => signalCarrier({ pid: own, group: own, token: TOKEN, command: '' }, 'SIGCONT')).toThrow(
    'refusing',
  )
})

describe('a pid that was in use', () => {
  const before = lap({ starts: 5_000, tasks: 100, last: 600_000, pidMax: 1_000_000 })
  test.each([
    ['comes round at the end', 590_000, 100, true],
    ['comes next', 600_001, 100, false],
    ['comes soon', 601_000, 100, false],
    ['comes later', 700_000, 100, true],
    ['came, as many were given', 700_000, 99_000, false],
    ['has come round', 590_000, 1_000_000, false],
    ['is of those that are given once', 299, 9_000_000, true],
    ['is known of no count that counts', 590_000, 0, false],
  ])('%s: pid %d after %d starts', (_, pid, given, expected) => {
    const now = lap({ starts: 5_000 + given, tasks: 100, last: 0, pidMax: 1_000_000 })
    expect(now.isStill(pid, before)).toBe(expected)
  })

  test('may come sooner where thousands are in use', () => {
    const now = lap({ starts: 5_100, tasks: 60_000, last: 0, pidMax: 1_000_000 })
    expect([now.isStill(590_000, before), now.isStill(700_000, before)]).toEqual([true, false])
  })
})

test('who was there before, or carries the token of another run, is not looked into again', async () => {
  const elder = await group('sleep 100; true', { TW_RUN_INSTANCE: OTHER })
  await until('the child', () => linux.childOf(elder))
  const acquaintances = new Acquaintances()
  const pid = await group('sleep 100; true', { TW_RUN_INSTANCE: TOKEN })
  await until('its child', () => linux.childOf(pid))
  const look = (token: string, areYounger = true): number => {
    const sought = { tokens: new Set([token]), areYounger, ours: new Set([TOKEN, OTHER]) }
    return linux.carriersNow(sought.tokens, acquaintances.known(sought)).length
  }
  // Only runs that began after us can have started nobody of who was there.
  expect([look(OTHER), look(OTHER, false)]).toEqual([0, 2])
  expect([look(TOKEN), look(OTHER, false), look(TOKEN)]).toEqual([2, 2, 2])
  // Of a count that stands still, nothing follows.
  spawnSync('true')
  const known = acquaintances.known({ tokens: new Set([OTHER]), areYounger: false, ours: new Set() })
  expect([known?.isOther(pid), known?.isOther(elder)]).toEqual([true, false])
})

describe('the newest pid', () => {
  test('is another one when something was started', () => {
    const before = newestPid()
    expect(before).toBeGreaterThan(0)
    spawnSync('true')
    expect(newestPid()).not.toBe(before)
  })

  test.for(['0.00 0.00 0.00 1/100 4711\n', '0.00 0.00 0.00 0/0 0\n', ''])(
    'is unknown where it is no word of the kernel: %j',
    (text) => {
      const folder = mkdtempSync(join(tmpdir(), 'tw-run-test-'))
      writeFileSync(join(folder, 'loadavg'), text)
      expect(newestPid(join(folder, 'loadavg'))).toBeUndefined()
      rmSync(folder, { recursive: true })
    },
  )
})

test('who executes one program after the other is found every time, also where processors are few', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tw-run-test-'))
  const script = join(folder, 'again.sh')
  writeFileSync(script, 'exec sh "$0"\n')
  const env = { ...process.env, TW_RUN_INSTANCE: TOKEN }
  const all = Array.from({ length: 4 }, () => spawn('sh', [script], { env, stdio: 'ignore' }))
  try {
    const pids = all.map(({ pid }) => pid ?? 0).toSorted((one, other) => one - other)
    const looks = Array.from({ length: 200 }, () => linux.carriersNow(new Set([TOKEN])).map(({ pid }) => pid))
    const sorted = looks.map((look) => String(look.toSorted((one, other) => one - other)))
    expect(new Set(sorted)).toEqual(new Set([String(pids)]))
  } finally {
    for (const child of all) child.kill('SIGKILL')
    rmSync(folder, { recursive: true })
  }
})
