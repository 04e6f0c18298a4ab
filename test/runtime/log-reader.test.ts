import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { LogReader } from '../../src/runtime/log-reader.ts'
import { holds } from '../support/control.ts'
import { requires } from '../support/requirement.ts'

let folder = ''
let log = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tw-run-reader-'))
  log = join(folder, 'log')
})
afterEach(() => rmSync(folder, { recursive: true }))

function textFrom(reader: LogReader, offset: number): string | undefined {
  return reader.linesFrom(offset, false)?.bytes.toString()
}

test('what comes later is read, of a log that was not there yet, was at its end, or has been removed since', () => {
  const reader = new LogReader(folder, 1_000)
  expect(textFrom(reader, 0)).toBeUndefined()
  writeFileSync(log, '')
  expect(textFrom(reader, 0)).toBeUndefined()
  appendFileSync(log, 'one\ntw')
  expect([textFrom(reader, 0), textFrom(reader, 4)]).toEqual(['one\n', undefined])
  appendFileSync(log, 'o\n')
  rmSync(log)
  expect([textFrom(reader, 4), textFrom(reader, 8)]).toEqual(['two\n', undefined])
  reader.close()
})

requires('linux').each([
  ['stays open', 1_000, true],
  ['is open for each look where there are few descriptors', 10, false],
  ['is open for each look where nobody says how many there are', Infinity, false],
] as const)('a log %s', (_, ceiling, isKept) => {
  writeFileSync(log, 'one\n')
  const reader = new LogReader(folder, ceiling)
  expect([textFrom(reader, 0), textFrom(reader, 4)]).toEqual(['one\n', undefined])
  expect(holds(process.pid, log)).toBe(isKept)
  reader.close()
  expect(holds(process.pid, log)).toBe(false)
})
