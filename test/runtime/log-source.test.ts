import { appendFileSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LONGEST_LINE } from '../../src/core/lines.ts'
import type { ProcessId } from '../../src/core/names.ts'
import { LogSource } from '../../src/runtime/log-source.ts'
import { until } from '../support/live.ts'
import { requires } from '../support/requirement.ts'

const MIB = 1024 * 1024
let folder = ''
let source: LogSource

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tw-run-test-'))
  writeFileSync(join(folder, 'log'), '')
  source = new LogSource('web.1' as ProcessId, folder)
})

afterEach(() => {
  source.close()
  rmSync(folder, { recursive: true })
})

const append = (text: string | Uint8Array): void => appendFileSync(join(folder, 'log'), text)

/** The next lines as text, and whether the last one is partial. */
function take(): [string, boolean] | undefined {
  const taken = source.take()
  return taken && [taken.bytes.toString('latin1'), taken.isPartial]
}

test('takes whole lines, and an unfinished one at the end', () => {
  expect(take()).toBeUndefined()
  append('one\ntwo\nthr')
  expect(take()).toEqual(['one\ntwo\n', false])
  expect(take()).toBeUndefined()
  source.end()
  expect(take()).toEqual(['thr', true])
  expect(take()).toBeUndefined()
})

test('knows what has grown since it was looked at', () => {
  append('half')
  expect(source.hasGrown).toBe(true)
  take()
  expect(source.hasGrown).toBe(false)
  append(' more')
  expect(source.hasGrown).toBe(true)
})

test.each([LONGEST_LINE - 1, LONGEST_LINE, LONGEST_LINE + 1, 3 * LONGEST_LINE])(
  'a line of %i bytes',
  (length) => {
    append(`${'x'.repeat(length)}\nnext\n`)
    const pieces: number[] = []
    const partial: boolean[] = []
    for (let taken = take(); taken !== undefined; taken = take()) {
      pieces.push(taken[0].length)
      partial.push(taken[1])
    }
    expect(pieces.reduce((sum, one) => sum + one, 0)).toBe(length + 6)
    const cuts = Math.ceil(length / LONGEST_LINE) - 1
    expect(pieces.slice(0, cuts)).toEqual(Array.from({ length: cuts }, () => LONGEST_LINE))
    expect(partial.filter(Boolean)).toHaveLength(cuts)
  },
)

test('a line that grows without an end is cut when it is long enough, between two characters', () => {
  append('日'.repeat(349_525))
  expect(take()).toBeUndefined()
  append('日本')
  const taken = source.take()
  expect(taken?.bytes.length).toBe(349_525 * 3)
  expect(taken?.isPartial).toBe(true)
  append('\n')
  expect(source.take()?.bytes.toString()).toBe('日本\n')
})

requires('linux', 'fallocate')('gives the disk back what was shown, and loses nothing', async () => {
  const path = join(folder, 'log')
  const line = `${'x'.repeat(1023)}\n`
  let read = 0
  const failures: string[] = []
  for (let round = 0; round < 12; round += 1) {
    append(line.repeat(10 * 1024))
    for (let taken = source.take(); taken !== undefined; taken = source.take()) {
      for (let at = 0; at < taken.bytes.length; at += 1024) expect(taken.bytes[at]).toBe(0x78)
      read += taken.bytes.length
    }
    source.recordShown(source.offset, 1)
    source.giveBack((why) => failures.push(why))
  }
  expect(read).toBe(120 * MIB)
  // 16 MiB are kept, and the rest is given back in steps of 32.
  await until('holes in the log', () => statSync(path).blocks * 512 < 60 * MIB)
  expect(statSync(path).size).toBe(120 * MIB)
  append('last\n')
  expect(take()).toEqual(['last\n', false])
  expect(failures).toEqual([])
})
