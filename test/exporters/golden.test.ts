import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { FORMATS } from '../../src/exporters/index.ts'
import { MADE_BY } from '../../src/exporters/input.ts'
import { SAMPLE } from '../support/export-sample.ts'

/** Write them anew with `npx vitest run test/exporters -u`, and read the difference. */
const GOLDEN = fileURLToPath(new URL('golden/', import.meta.url))
const NOTES = 'notes.txt'

describe.each([...FORMATS.keys()])('%s', (format) => {
  const render = async () => (await FORMATS.get(format)!.load())(SAMPLE)

  test('the files of the sample app', async () => {
    const { files, notes, next } = await render()
    for (const { path, mode, text } of files) {
      await expect(`mode ${mode.toString(8)}\n${text}`).toMatchFileSnapshot(`${GOLDEN}${format}/${path}`)
    }
    await expect([...notes, next, ''].join('\n')).toMatchFileSnapshot(`${GOLDEN}${format}/${NOTES}`)
  })

  test('no file is kept that is not made any more', async () => {
    const { files } = await render()
    const kept = existsSync(GOLDEN + format)
      ? readdirSync(GOLDEN + format, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => relative(GOLDEN + format, join(entry.parentPath, entry.name)))
      : []
    expect(kept.toSorted()).toEqual([NOTES, ...files.map(({ path }) => path)].toSorted())
  })

  test('is known as ours, and hides the environment from others', async () => {
    for (const { path, mode, text } of (await render()).files) {
      expect(text.slice(0, 1024), path).toContain(MADE_BY)
      const others = text.includes('s3cr') ? 0o077 : 0o022
      expect(mode & others, path).toBe(0)
    }
  })

  test('rendering twice gives the same, and changes nothing', async () => {
    const before = structuredClone(SAMPLE)
    expect(await render()).toEqual(await render())
    expect(SAMPLE).toEqual(before)
  })
})
