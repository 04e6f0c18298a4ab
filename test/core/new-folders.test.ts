import { expect, test } from 'vitest'
import { NewFolders } from '../../src/core/new-folders.ts'

test('a folder is looked into a moment after it came, and once more', () => {
  const folders = new NewFolders()
  expect(folders.nextAt).toBe(Infinity)
  folders.came('a', 1_000)
  expect([folders.nextAt, folders.due(1_199)]).toEqual([1_200, []])
  folders.done(1_199)
  expect(folders.due(1_200)).toEqual(['a'])
  folders.done(1_200)
  expect([folders.nextAt, folders.due(2_999), folders.isKnown('a')]).toEqual([3_000, [], true])
  expect(folders.due(3_000)).toEqual(['a'])
  folders.done(3_000)
  expect([folders.nextAt, folders.due(9_999), folders.isKnown('a')]).toEqual([Infinity, [], false])
})

test('a late look counts for all that it is late for', () => {
  const folders = new NewFolders()
  folders.came('a', 1_000)
  folders.came('b', 2_500)
  expect(folders.due(3_000)).toEqual(['a', 'b'])
  folders.done(3_000)
  expect([folders.nextAt, folders.isKnown('a'), folders.isKnown('b')]).toEqual([4_500, false, true])
})

test('what comes together is looked into together, and what comes twice once', () => {
  const folders = new NewFolders()
  folders.came('a', 1_010)
  folders.came('b', 1_090)
  folders.came('a', 1_150)
  expect([folders.nextAt, folders.due(1_300)]).toEqual([1_300, ['a', 'b']])
  folders.done(1_300)
  expect(folders.due(1_400)).toEqual([])
})

test('what has gone is not looked into, and may come again', () => {
  const folders = new NewFolders()
  folders.came('a', 1_000)
  folders.gone('a')
  expect(folders.due(1_200)).toEqual([])
  folders.done(1_200)
  expect(folders.nextAt).toBe(Infinity)
  folders.came('a', 1_200)
  expect(folders.nextAt).toBe(1_400)
})
