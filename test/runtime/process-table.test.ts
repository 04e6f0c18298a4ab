import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, test } from 'vitest'
import * as linux from '../../src/runtime/process-table-linux.ts'
import * as ps from '../../src/runtime/process-table-ps.ts'
import { signalCarrier, signalGroup } from '../../src/runtime/signal.ts'
import { until } from '../support/live.ts'

const TOKEN = 'feedbeef01234567'
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

afterEach(() => {
  for (const pid of children) {
    try {
      process.kill(-pid, 'SIGKILL')
    } catch {
      // It is gone already.
    }
  }
  children.clear()
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
    await until(
      'all to have forked',
      () => linux.childOf(own) && linux.childOf(within) && linux.childOf(stranger),
    )
    const found = table.carriers(new Set([TOKEN]))
    expect(new Set(found.map((one) => one.group))).toEqual(new Set([own, within]))
    expect(found).toHaveLength(4)
    expect(found.find(({ pid }) => pid === own)?.command).toContain('/bin/sh -c sleep 100')
    expect(table.carriersNow(new Set([TOKEN]))).toEqual(found)
  })

  test('knows arguments, children, state and group', async () => {
    const pid = await group('sleep 100; true')
    const child = await until('the child', () => linux.childOf(pid))
    expect(table.argumentsOf(pid)).toContain(`tw-run:${TOKEN}`)
    expect(table.childOf(pid)).toBe(child)
    expect(table.groupOf(child)).toBe(pid)
    expect(table.findByArgument(`tw-run:${TOKEN}`)).toBe(pid)
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

test('who was there before is passed over, unless its pid may have been given again', async () => {
  const starts = Number(/^processes (\d+)$/m.exec(readFileSync('/proc/stat', 'latin1'))?.[1])
  const pidMax = Number(readFileSync('/proc/sys/kernel/pid_max', 'latin1'))
  const pid = await group('sleep 100; true', { TW_RUN_INSTANCE: TOKEN })
  const child = await until('the child', () => linux.childOf(pid))
  const tokens = new Set([TOKEN])
  expect(linux.carriers(tokens, (one) => one === pid).map((one) => one.pid)).toEqual([child])
  expect(linux.carriers(tokens)).toHaveLength(2)

  const own = Math.floor(pidMax / 2)
  const isElder = (one: number, given = 0, born = own): boolean =>
    linux.eldersOf({ pid: born, starts: starts - given, there: new Set([one]) })(one)
  // The next one that is given, one that comes late, and one that comes round again never.
  expect([isElder(own + 1), isElder(own - 1), isElder(299, pidMax)]).toEqual([false, true, true])
  expect([isElder(own - 1, pidMax), isElder(pidMax - 1, own)]).toEqual([false, false])
  // All pids but a few were given when it began: those below come round soon.
  expect([isElder(301, 0, pidMax - 1), isElder(pidMax - 2, 0, pidMax - 1)]).toEqual([false, true])
  // Nobody who came since, and of a count that does not count, nothing follows.
  expect(linux.eldersOf({ pid: own, starts, there: new Set() })(own - 1)).toBe(false)
  expect(isElder(own - 1, -Infinity)).toBe(false)
})
