import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { linesFrom, tail } from '../../src/runtime/log-tail.ts'

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
  const pieces: string[] = []
  let offset = 0
  for (;;) {
    const next = linesFrom(folder, offset, isOver)
    if (next === undefined) break
    offset += next.bytes.length
    pieces.push(next.bytes.toString())
  }
  expect(pieces.join('')).toBe(`${line.repeat(100)}${isOver ? 'end' : ''}`)
  expect(pieces.map((text) => text.length % line.length)).toEqual([0, isOver ? 3 : 0])
})
