import { mkdtempSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { makeFolder } from '../../src/runtime/disk.ts'

const folder = mkdtempSync(join(tmpdir(), 'tw-run-make-'))

test('makes what is missing, and says which was the first', () => {
  const path = join(folder, 'a/b/c')
  expect(makeFolder(path, 0o700)).toBe(join(folder, 'a'))
  expect(statSync(path).mode & 0o777).toBe(0o700)
  expect(makeFolder(path, 0o700)).toBeUndefined()
  expect(makeFolder(join(path, 'd'), 0o700)).toBe(join(path, 'd'))
})

test.each([
  ['the file itself', 'file', 'EEXIST'],
  ['a file above it', 'file/a/b', 'ENOTDIR'],
])('a file in its place is an error: %s', (_, name, code) => {
  writeFileSync(join(folder, 'file'), '')
  expect(() => makeFolder(join(folder, name))).toThrow(code)
})

test('where no folder can be made it says so, and does not try for ever', () => {
  expect(() => makeFolder('/proc/no-such/folder')).toThrow(/ENOENT|EACCES|EPERM|EROFS|ENOTSUP/)
})
