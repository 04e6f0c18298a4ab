import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { commandLines } from '../../src/runtime/command-lines.ts'
import { isProgram } from '../../src/runtime/executable.ts'

const folder = mkdtempSync(join(tmpdir(), 'tw-run-test-'))

beforeAll(() => {
  const script = (name: string, text: string, mode = 0o755): void =>
    writeFileSync(join(folder, name), text, { mode })
  mkdirSync(join(folder, 'bin'))
  mkdirSync(join(folder, 'folder'))
  copyFileSync('/bin/sh', join(folder, 'binary'))
  script('bin/found', '#!/bin/sh\n')
  script('script', '#! /bin/sh -e\n')
  script('relative', '#!bin/found\n')
  script('lost', '#!/nowhere/at/all\n')
  script('nothing', '#!\n')
  script('text', 'echo hello\n')
  script('empty', '')
  script('plain', '#!/bin/sh\n', 0o644)
})
afterAll(() => rmSync(folder, { recursive: true }))

test.each([
  ['./binary', true],
  ['./script', true],
  ['./relative', true],
  ['found', true],
  ['./lost', false],
  ['./nothing', false],
  ['./text', false],
  ['./empty', false],
  ['./plain', false],
  ['./folder', false],
  ['./none', false],
  ['-found', false],
  ['script', false],
  ['', false],
])('%j is executed by the system itself: %s', (file, expected) => {
  expect(isProgram(file, folder, `/nowhere:${join(folder, 'bin')}`)).toBe(expected)
})

test('a folder of PATH without a name, or that is relative, is where the program is to run', () => {
  expect(['', 'bin', ':/nowhere', '.'].map((path) => isProgram('found', join(folder, 'bin'), path))).toEqual([
    true,
    false,
    true,
    true,
  ])
  expect(isProgram('found', folder, 'bin')).toBe(true)
  // A shell has a PATH of its own then.
  expect(isProgram('found', folder, undefined)).toBe(false)
})

test('a shell is executed where it has something to do, and for each PATH of its own', () => {
  const lineOf = commandLines(folder)
  const [here, nowhere] = [{ PATH: join(folder, 'bin') }, { PATH: '/nowhere' }]
  expect(lineOf('found --port $PORT', here)).toBe('exec found --port $PORT')
  expect(lineOf('exec found', here)).toBe('exec found')
  expect(lineOf('found', nowhere)).toBe("exec /bin/sh -c 'exec found'")
  expect(lineOf("echo it's", here)).toBe(String.raw`exec /bin/sh -c 'echo it'\''s'`)
})
