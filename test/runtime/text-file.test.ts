import { execFileSync, spawn } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { MAX_TEXT_BYTES, readTextFile } from '../../src/runtime/text-file.ts'
import { makeApp } from '../support/rig.ts'

const app = makeApp({ plain: '\ufeffé\n', latin1: Buffer.from('\xe9', 'latin1') })
afterAll(() => app.cleanup())

const NOBODY = 65_534

/** Root may read everything, so root asks as somebody else. */
function asOrdinaryUser<T>(act: () => T): T {
  if (process.geteuid?.() !== 0) return act()
  process.seteuid?.(NOBODY)
  try {
    return act()
  } finally {
    process.seteuid?.(0)
  }
}

test('a file is its text, with its byte order mark', () => {
  expect(readTextFile(app.path('plain'), 'plain')).toBe('\ufeffé\n')
})

test('a byte that is not UTF-8 is left for the parsers to report', () => {
  expect(readTextFile(app.path('latin1'), 'latin1')).toBe('\ufffd')
})

test('a file that does not exist is nothing', () => {
  expect(readTextFile(app.path('none'), 'none')).toBeUndefined()
})

test('one MiB is read, a byte more is not', () => {
  writeFileSync(app.path('big'), Buffer.alloc(MAX_TEXT_BYTES, 'x'))
  expect(readTextFile(app.path('big'), 'big')).toHaveLength(MAX_TEXT_BYTES)
  writeFileSync(app.path('big'), Buffer.alloc(MAX_TEXT_BYTES + 1, 'x'))
  expect(() => readTextFile(app.path('big'), 'big')).toThrow('big is larger than 1 MiB')
})

test('of a pipe, which has no size, as much is read as of a file', () => {
  execFileSync('mkfifo', [app.path('pipe')])
  const write = (count: number): void =>
    void spawn('sh', ['-c', `head -c ${count} /dev/zero | tr '\\0' x >'${app.path('pipe')}'`], {
      stdio: 'ignore',
    })
  write(100_000)
  expect(readTextFile(app.path('pipe'), 'pipe')).toBe('x'.repeat(100_000))
  write(MAX_TEXT_BYTES)
  expect(readTextFile(app.path('pipe'), 'pipe')).toHaveLength(MAX_TEXT_BYTES)
  write(MAX_TEXT_BYTES + 1)
  expect(() => readTextFile(app.path('pipe'), 'pipe')).toThrow('pipe is larger than 1 MiB')
  expect(() => readTextFile('/dev/zero', 'zero')).toThrow('zero is larger than 1 MiB')
})

test('a directory is refused as one', () => {
  mkdirSync(app.path('folder'))
  expect(() => readTextFile(app.path('folder'), 'folder')).toThrow(
    'cannot read folder: it is a directory, not a file',
  )
})

test('a file one may not read is refused with the reason', () => {
  writeFileSync(app.path('secret'), 'web: a\n', { mode: 0o000 })
  for (const folder of [app.root, dirname(app.root)]) chmodSync(folder, 0o755)
  const read = (): unknown => asOrdinaryUser(() => readTextFile(app.path('secret'), 'Procfile'))
  expect(read).toThrow('cannot read Procfile: permission denied')
})
