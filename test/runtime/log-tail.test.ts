import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
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
