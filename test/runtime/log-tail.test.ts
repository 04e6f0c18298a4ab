import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest'
import { LONGEST_LINE } from '../../src/core/lines.ts'
import type { ProcessId } from '../../src/core/names.ts'
import { LogSource } from '../../src/runtime/log-source.ts'
import { LogReader } from '../../src/runtime/log-reader.ts'
import { tail } from '../../src/runtime/log-tail.ts'

let folder = ''

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tw-run-test-'))
})

afterEach(() => {
  rmSync(folder, { recursive: true })
})

/** The last lines of a log that is this text. */
function lastOf(text: string, count: number): string[] {
  writeFileSync(join(folder, 'log'), text)
  return tail(folder, count).lines.map(({ bytes }) => bytes.toString())
}

test.each([
  ['', 5, []],
  ['\n', 5, ['\n']],
  ['\none\ntwo\n', 5, ['\n', 'one\n', 'two\n']],
  ['\n\none', 5, ['\n', '\n', 'one']],
  ['one\n\n', 5, ['one\n', '\n']],
  ['\none\ntwo\n', 2, ['one\n', 'two\n']],
])('of %j the last %i lines', (text, count, lines) => {
  expect(lastOf(text, count)).toEqual(lines)
})

/** The pieces in which the live view shows a log that is this text. */
function shownLive(text: string, isOver: boolean): string[] {
  writeFileSync(join(folder, 'log'), text)
  const source = new LogSource('web.1' as ProcessId, folder)
  if (isOver) source.end()
  const pieces: string[] = []
  for (let taken = source.take(); taken !== undefined; taken = source.take())
    pieces.push(...(taken.bytes.toString().match(/.*\n|.+$/g) ?? []))
  source.close()
  return pieces
}

/** What `logs -f` shows of it behind an offset. */
function followed(isOver: boolean, from = 0): string[] {
  const reader = new LogReader(folder, Infinity)
  onTestFinished(() => reader.close())
  const pieces: string[] = []
  let offset = from
  for (;;) {
    const next = reader.linesFrom(offset, isOver)
    if (next === undefined) return pieces
    offset += next.bytes.length
    pieces.push(...(next.bytes.toString().match(/.*\n|.+$/g) ?? []))
  }
}

describe.each([
  ['that is longer than what is read at once', `first\n${'x'.repeat(9_000_000)}\n`],
  ['in front of another one', `first\n${'x'.repeat(10_000_000)}\nafter\n`],
  ['that has no end yet', `first\n${'x'.repeat(9_000_000)}`],
  ['as long as a line may be', `${'x'.repeat(9_000_000)}\n${'y'.repeat(LONGEST_LINE)}\nafter\n`],
  ['between others', `a\n${'x'.repeat(2_500_000)}\nb\n${'y'.repeat(LONGEST_LINE + 1)}\nc\n`],
  ['of characters', `first\n${'€'.repeat(4_000_000)}\n`],
  ['of other characters', `${'é日'.repeat(1_900_000)}😀`],
  ['that is very long', `${'one\n'.repeat(1000)}${'日本語'.repeat(4_000_000)}\nafter\n`],
])('a long line %s', (_, text) => {
  const sizesOf = (pieces: readonly string[]): string[] =>
    pieces.map((piece) => `${Buffer.byteLength(piece)} ${piece.slice(0, 2)} ${piece.slice(-2)}`)

  test('is cut into the pieces that are shown while it comes', () => {
    const live = shownLive(text, true)
    for (const count of [1, 2, 5]) expect(sizesOf(lastOf(text, count))).toEqual(sizesOf(live.slice(-count)))
    const all = lastOf(text, 1000)
    expect(all.length).toBeGreaterThan(4)
    expect(sizesOf(all)).toEqual(sizesOf(live.slice(-all.length)))
  })

  test.each([true, false])('is followed in them too, over: %s', (isOver) => {
    const live = shownLive(text, isOver)
    expect(sizesOf(followed(isOver))).toEqual(sizesOf(live))
    const { lines, end } = tail(folder, 3, isOver ? 'all' : 'whole')
    expect(sizesOf(lines.map(({ bytes }) => bytes.toString()))).toEqual(sizesOf(live.slice(-3)))
    expect(end).toBe(Buffer.byteLength(live.join('')))
    expect(followed(isOver, end)).toEqual([])
  })
})

test('of a line of which nobody knows any more where it began, no character is cut in two', () => {
  const text = `first\n${'日本語'.repeat(6_600_000)}\n`
  const pieces = lastOf(text, 100)
  expect(pieces.length).toBeGreaterThan(6)
  expect(pieces.filter((piece) => piece.includes('\ufffd'))).toEqual([])
  expect(text.endsWith(pieces.join(''))).toBe(true)
})

test('an unfinished line is left out if only whole ones are wanted, and the end is where it begins', () => {
  writeFileSync(join(folder, 'log'), 'one\ntwo\nthr')
  const textsOf = (kind: 'all' | 'whole', count: number): [string[], number] => {
    const { lines, end } = tail(folder, count, kind)
    return [lines.map(({ bytes }) => bytes.toString()), end]
  }
  expect(textsOf('all', 2)).toEqual([['two\n', 'thr'], 11])
  expect(textsOf('whole', 2)).toEqual([['one\n', 'two\n'], 8])
  expect(textsOf('whole', 0)).toEqual([[], 8])
})

test.each([
  ['a run that is over', true],
  ['one that lives', false],
])('much of %s comes in whole lines', (_, isOver) => {
  const line = `${'x'.repeat(99_998)}\n`
  writeFileSync(join(folder, 'log'), `${line.repeat(100)}end`)
  const reader = new LogReader(folder, Infinity)
  onTestFinished(() => reader.close())
  const pieces: string[] = []
  let offset = 0
  for (;;) {
    const next = reader.linesFrom(offset, isOver)
    if (next === undefined) break
    offset += next.bytes.length
    pieces.push(next.bytes.toString())
  }
  expect(pieces.join('')).toBe(`${line.repeat(100)}${isOver ? 'end' : ''}`)
  const rests = pieces.map((text) => text.length % line.length)
  expect(rests.length).toBeGreaterThan(1)
  expect(rests).toEqual(rests.map((_, index) => (isOver && index === rests.length - 1 ? 3 : 0)))
})
