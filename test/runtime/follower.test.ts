import { execFileSync } from 'node:child_process'
import {
  appendFileSync,
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { ProcessId } from '../../src/core/names.ts'
import { Follower } from '../../src/runtime/follower.ts'
import { makeRender } from '../../src/runtime/render.ts'
import { until } from '../support/live.ts'

/** Watches that are made and tell nothing, as when the kernel's queue of events was full. */
const watches = vi.hoisted(() => ({ of: [] as string[], calls: 0, isDeaf: false }))
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>()
  const watch = (path: string, options: { persistent: boolean }, grown: () => void) => {
    watches.of.push(path)
    if (watches.isDeaf) return fs.watch(path, options)
    return fs.watch(path, options, () => {
      watches.calls += 1
      grown()
    })
  }
  return { ...fs, watch }
})

const WEB = 'web.1' as ProcessId
let folder = ''
let fd = 0
let follower: Follower

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tw-run-test-'))
  fd = openSync(join(folder, 'out'), 'a')
  watches.of = []
  watches.calls = 0
  watches.isDeaf = false
})

afterEach(async () => {
  await follower.close('bye')
  closeSync(fd)
  rmSync(folder, { recursive: true })
})

const out = (): string => readFileSync(join(folder, 'out'), 'utf8')

/** What is in a pipe now. */
function drained(pipe: number): string {
  const bytes = Buffer.alloc(65_536)
  try {
    return bytes.toString('latin1', 0, readSync(pipe, bytes))
  } catch {
    // Nothing yet.
    return ''
  }
}

function run(number: number): string {
  const directory = join(folder, String(number))
  mkdirSync(directory)
  writeFileSync(join(directory, 'log'), '')
  return directory
}

function follow(directory: string, isReleased = true): Follower {
  follower = new Follower({
    fd,
    render: makeRender({
      format: 'pretty',
      timestamps: false,
      prefix: true,
      width: () => 6,
      paint: undefined,
    }),
    readerGone: () => {},
    trouble: () => {},
    onStep: () => {},
  })
  follower.follow(WEB, directory)
  if (isReleased) follower.release()
  return follower
}

test.each([false, true])(
  'a log that grows is shown at once, or when its growth is told, watch events lost: %j',
  async (isDeaf) => {
    watches.isDeaf = isDeaf
    const directory = run(1)
    follow(directory)
    await until('a watch', () => watches.of.length > 0)
    appendFileSync(join(directory, 'log'), 'hello\n')
    const begun = performance.now()
    // As the supervisor does, which looks at every log once a second.
    if (isDeaf) follower.grew(WEB)
    await until('the line', () => out() === 'web.1  | hello\n')
    expect(performance.now() - begun).toBeLessThan(500)
  },
)

test('a log that grows now and then keeps its watch', async () => {
  const [first, other] = [run(1), run(2)]
  follow(first)
  await until('a watch', () => watches.of.length > 0)
  appendFileSync(join(first, 'log'), 'one\n')
  await until('the line', () => out().endsWith('one\n'))
  // It is watched when it has been silent for longer than one that has spoken has to be.
  follower.follow('other.1' as ProcessId, other)
  await until('the other watch', () => watches.of.includes(join(other, 'log')))
  expect(watches.of).toEqual([join(first, 'log'), join(other, 'log')])
  appendFileSync(join(first, 'log'), 'two\n')
  await until('the next line', () => out().endsWith('two\n'))
})

test('what grows while lines of others are on their way out is shown after them', async () => {
  const [first, other] = [run(1), run(2)]
  const pipe = join(folder, 'pipe')
  execFileSync('mkfifo', [pipe])
  closeSync(fd)
  fd = openSync(pipe, constants.O_RDWR | constants.O_NONBLOCK)
  const fill = (): number => writeSync(fd, Buffer.alloc(4096))
  follow(first)
  follower.follow('other.1' as ProcessId, other)
  await until('both watches', () => watches.of.length === 2)
  expect(() => {
    for (;;) fill()
  }).toThrow('EAGAIN')
  appendFileSync(join(first, 'log'), 'first\n')
  await until('the first to be read', () => watches.calls > 0)
  // Its line waits for room. The others were found to have nothing by then.
  await nextTurn()
  const before = watches.calls
  appendFileSync(join(other, 'log'), 'other\n')
  await until('the other to be told of', () => watches.calls > before)
  let text = ''
  await until('both lines', () => {
    text += drained(fd).replaceAll('\0', '')
    return text === 'web.1  | first\nother.1 | other\n'
  })
})

test('a line is held back until it ends, or its process does', async () => {
  const directory = run(1)
  follow(directory)
  appendFileSync(join(directory, 'log'), 'one\ntw')
  await until('a line', () => out() === 'web.1  | one\n')
  appendFileSync(join(directory, 'log'), 'o\nthr')
  await until('a line', () => out() === 'web.1  | one\nweb.1  | two\n')
  follower.runEnded(WEB, 'it ended')
  await until('the end', () => out().endsWith('ended\n'))
  expect(out()).toBe('web.1  | one\nweb.1  | two\nweb.1  | thr\nsystem | it ended\n')
})

test('the next run comes after the whole of the one before, whenever it is told of', async () => {
  const first = run(1)
  follow(first, false)
  appendFileSync(join(first, 'log'), `${'x\n'.repeat(300_000)}half`)
  follower.runEnded(WEB, 'first ended')
  const second = run(2)
  appendFileSync(join(second, 'log'), 'second\n')
  follower.follow(WEB, second)
  follower.release()
  await until('both', () => out().includes('second\n'))
  expect(out().slice(300_000 * 'web.1  | x\n'.length)).toBe(
    'web.1  | half\nsystem | first ended\nweb.1  | second\n',
  )
})

test('the end of a run that never had a log is said after that of the one before', async () => {
  const first = run(1)
  follow(first)
  appendFileSync(join(first, 'log'), 'first\n')
  follower.runEnded(WEB, 'first ended')
  follower.runEnded(WEB, 'could not start')
  await until('both', () => out().includes('start\n'))
  expect(out()).toBe('web.1  | first\nsystem | first ended\nsystem | could not start\n')
})

test('goes on from what was shown before', async () => {
  const directory = run(1)
  writeFileSync(join(directory, 'log'), 'shown\nnot shown\n')
  writeFileSync(join(directory, 'shown'), `${'6'.padStart(16, '0')} ${'2'.padStart(12, '0')}\n`)
  follow(directory)
  await until('the rest', () => out().includes('not'))
  expect(out()).toBe('web.1  | not shown\n')
  await until('the record', () =>
    readFileSync(join(directory, 'shown'), 'utf8').startsWith('0000000000000016 '),
  )
})

test('what is said before lines are let through stands before all of them, of a run that ended earlier too', async () => {
  const directory = run(1)
  appendFileSync(join(directory, 'log'), 'again\n')
  follow(directory, false)
  follower.runEnded(WEB, undefined)
  follower.say('the seam')
  follower.release()
  await until('the line', () => out().includes('again'))
  expect(out()).toBe('system | the seam\nweb.1  | again\n')
})

test('a log that cannot be read takes nothing else with it', async () => {
  const directory = run(1)
  follow(directory)
  follower.follow('db.1' as ProcessId, join(folder, 'nowhere'))
  appendFileSync(join(directory, 'log'), 'one\n')
  await until('the line', () => out().includes('web.1  | one\n'))
  expect(out()).toMatch(/^system \| the output of db\.1 cannot be shown: ENOENT/m)
})

test('the last word is the last', async () => {
  const directory = run(1)
  follow(directory)
  appendFileSync(join(directory, 'log'), 'one\n')
  follower.runEnded(WEB, 'ended')
  await follower.close('all stopped')
  expect(out()).toBe('web.1  | one\nsystem | ended\nsystem | all stopped\n')
})
