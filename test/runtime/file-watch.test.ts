import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { bootNow } from '../../src/runtime/clock.ts'
import { FileWatch } from '../../src/runtime/file-watch.ts'
import { until } from '../support/live.ts'

const COUNT = 150

test('what comes into a new folder in the moment before it is watched is seen', async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'tw-run-watch-')))
  const troubles: string[] = []
  const watch = new FileWatch({
    root,
    except: join(root, 'state'),
    ring: () => {},
    trouble: (message) => troubles.push(message),
  })
  onTestFinished(() => {
    watch.close()
    rmSync(root, { recursive: true })
  })
  mkdirSync(join(root, 'warm'))
  // A type for each folder: a burst names its first file only.
  const folders = Array.from({ length: COUNT }, (_, index) => `new-${index}`)
  watch.follow(new Map(['warm', ...folders].map((folder) => [folder, [`${folder}/deep/**/*.js`, 'warm/*']])))
  const seen = new Set<string>()
  const look = (): number => {
    for (const { type } of watch.look(bootNow()).over) seen.add(type)
    return seen.size
  }
  let writtenAt = -Infinity
  await until('the watch to have begun', () => {
    // With pauses that are longer than a burst.
    if (bootNow() > writtenAt + 500) writeFileSync(join(root, 'warm/file'), String((writtenAt = bootNow())))
    return look() === COUNT + 1
  })
  seen.clear()
  for (const [index, folder] of folders.entries()) {
    mkdirSync(join(root, folder))
    // What cannot be looked at hides nothing beside it.
    symlinkSync('round', join(root, folder, 'round'))
    // So many turns later chokidar is at another step.
    for (let turn = 0; turn < index % 50; turn += 1) await nextTurn()
    mkdirSync(join(root, folder, 'deep/er'), { recursive: true })
    writeFileSync(join(root, folder, 'deep/er/file.js'), '1')
  }
  await until(
    () => `these: ${folders.filter((folder) => !seen.has(folder)).join()}`,
    () => look() >= COUNT,
  )
  expect(troubles).toEqual([])
})
