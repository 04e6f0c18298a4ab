import { expect, test } from 'vitest'
import {
  describeFiles,
  LONGEST_BURST_MS,
  mayHold,
  noted,
  QUIET_MS,
  reachOf,
  settled,
} from '../../src/core/watch.ts'
import type { Burst } from '../../src/core/watch.ts'

const NONE: ReadonlyMap<string, Burst> = new Map()

test('a burst is over when nothing has changed for a while, each type by itself and once', () => {
  let bursts = noted(NONE, 'web', 'a', 1_000)
  bursts = noted(bursts, 'worker', 'a', 1_000)
  bursts = noted(bursts, 'web', 'b', 1_100)
  expect(settled(bursts, 1_000 + QUIET_MS - 1)).toMatchObject({ over: [], nextAt: 1_000 + QUIET_MS })
  const first = settled(bursts, 1_000 + QUIET_MS)
  expect(first.over).toEqual([{ type: 'worker', files: new Set(['a']), firstAt: 1_000, lastAt: 1_000 }])
  expect(first.nextAt).toBe(1_100 + QUIET_MS)
  const second = settled(first.open, 1_100 + QUIET_MS)
  expect(second.over).toEqual([{ type: 'web', files: new Set(['a', 'b']), firstAt: 1_000, lastAt: 1_100 }])
  expect(settled(second.open, 9_999)).toEqual({ over: [], open: new Map(), nextAt: Infinity })
})

test('what is written without end is over after a while all the same', () => {
  let bursts = NONE
  let now = 0
  for (; settled(bursts, now).over.length === 0; now += 100) bursts = noted(bursts, 'web', 'a.log', now)
  expect(now).toBe(LONGEST_BURST_MS)
})

test('one file is named, more are counted', () => {
  expect(describeFiles(['src/a.js'])).toBe('src/a.js')
  expect(describeFiles(['src/a.js', 'b'])).toBe('src/a.js and 1 more')
  expect(describeFiles(['src/a.js', 'b', 'c'])).toBe('src/a.js and 2 more')
})

const FOLDERS: readonly (readonly [glob: string, base: string, folder: string, isLookedInto: boolean])[] = [
  ['src/**/*.js', 'src', '', true],
  ['src/**/*.js', 'src', 'src', true],
  ['src/**/*.js', 'src', 'src/a/b', true],
  ['src/**/*.js', 'src', 'source', false],
  ['src/**/*.js', 'src', 'src/node_modules', false],
  ['src/**/*.js', 'src', 'src/a/.git', false],
  ['a/b/*.js', 'a/b', 'a', true],
  ['a/b/*.js', 'a/b', 'a/b', true],
  ['a/b/*.js', 'a/b', 'a/b/c', false],
  ['*.js', '', 'src', false],
  ['*/*.js', '', 'src', true],
  ['*/*.js', '', 'src/a', false],
  ['**', '', 'a/b/c', true],
  ['**', '', 'node_modules', false],
  ['**', '', 'a/node_modules/b', false],
  ['node_modules/mine/**', 'node_modules/mine', 'node_modules', true],
  ['node_modules/mine/**', 'node_modules/mine', 'node_modules/other', false],
  ['node_modules/mine/**', 'node_modules/mine', 'node_modules/mine/lib', true],
  ['Procfile', 'Procfile', 'src', false],
]

test('a folder is looked into for one glob of several', () => {
  const reaches = [reachOf('lib/*.js', 'lib'), reachOf('src/*.js', 'src')]
  expect(['lib', 'src', 'test'].map((folder) => mayHold(folder, reaches))).toEqual([true, true, false])
})

test.for(FOLDERS)('%s, below "%s", and the folder "%s": %s', ([glob, base, folder, isLookedInto]) => {
  expect(mayHold(folder, [reachOf(glob, base)])).toBe(isLookedInto)
})
