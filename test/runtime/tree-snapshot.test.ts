import { mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { changesBetween, snapshotOf } from '../../src/runtime/tree-snapshot.ts'
import type { AppSnapshot } from '../../src/runtime/tree-snapshot.ts'

let top = ''
beforeEach(() => {
  top = realpathSync(mkdtempSync(join(tmpdir(), 'tw-run-tree-')))
})
afterEach(() => rmSync(top, { recursive: true }))

/** Writes files, and `link -> target` from where the link is. */
function make(...names: readonly string[]): void {
  for (const name of names) {
    const [path = '', target] = name.split(' -> ')
    mkdirSync(dirname(join(top, path)), { recursive: true })
    if (target === undefined) writeFileSync(join(top, path), name)
    else symlinkSync(target, join(top, path))
  }
}

function look(): AppSnapshot {
  return snapshotOf(join(top, 'app'), {
    except: [join(top, 'app/state')],
    apart: [join(top, 'temp/scratch')],
  })
}

function changes(before: AppSnapshot): string[] {
  return changesBetween(before, look())
    .map(({ path, how }) => `${path} ${how}`)
    .toSorted()
}

test('what is written, changed and removed, but not in what is left out', () => {
  make('app/a', 'app/b/c', 'app/b/d', 'app/.git/x', 'app/state/x')
  const before = look()
  make('app/b/e', 'app/.git/y', 'app/state/y')
  writeFileSync(join(top, 'app/a'), 'another text')
  rmSync(join(top, 'app/b/c'))
  expect(changes(before)).toEqual(['a changed', 'b/c removed', 'b/e written'])
})

describe('a link', () => {
  test.for([
    ['to a folder outside', ['app/public/up -> ../../shared'], ['public/up/new written']],
    ['to a link to one', ['app/up -> ../alias', 'alias -> shared'], ['up/new written']],
    ['in a folder that a link leads to', ['app/a -> ../b', 'b/c -> ../shared'], ['a/c/new written']],
    ['and another one to the same', ['app/a -> ../shared', 'app/b -> ../shared'], ['a/new written']],
    ['to one that leads back', ['app/a -> ../shared', 'shared/b -> ../app'], ['a/new written']],
    [
      'to one around another one',
      ['app/a -> ../shared/b', 'shared/b/c', 'shared/b/d -> ..'],
      ['a/d/new written'],
    ],
    ['to a folder around the app', ['app/a -> ..'], []],
    ['to a folder around what is apart', ['app/a -> ../temp', 'temp/b -> ../shared'], []],
    [
      'of a package manager',
      ['app/node_modules/a -> ../../shared', 'app/b/node_modules -> ../../shared'],
      [],
    ],
    ['to nowhere', ['app/a -> ../none', 'app/b -> b'], []],
    ['to what the kernel shows', ['app/a -> /proc/self', 'app/b -> /dev/shm'], []],
  ] as const)('%s: %j', ([, links, expected]) => {
    make('app/x', 'shared/old', 'temp/scratch/x', ...links)
    const before = look()
    make('shared/new', 'temp/scratch/y')
    expect(changes(before)).toEqual(expected)
  })

  test('that leads somewhere else by now is one change', () => {
    make('shared/old', 'other/one', 'app/up -> ../shared')
    const before = look()
    make('app/next -> ../other')
    renameSync(join(top, 'app/next'), join(top, 'app/up'))
    expect(changes(before)).toEqual(['up changed'])
  })

  test('to more files than are looked at: none of them, and it is said', () => {
    make('app/a', 'app/up -> ../shared', ...Array.from({ length: 9_999 }, (_, number) => `shared/${number}`))
    const before = look()
    make('shared/new', 'shared/one-more')
    expect([before, look()].map((one) => one.get('up')?.isCut)).toEqual([false, true])
    expect(changes(before)).toEqual([])
    expect(changesBetween(look(), before)).toEqual([])
  })
})
