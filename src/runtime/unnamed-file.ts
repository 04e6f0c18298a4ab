import { fstatSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { tempFolder } from './usual-places.ts'

/** Opens a file that has no name any more, so that nothing of it is left, however we end; its descriptor. */
export function openUnnamed(): number {
  const folder = mkdtempSync(join(tempFolder(), 'tw-run-'))
  try {
    return openSync(join(folder, 'file'), 'wx+', 0o600)
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The last bytes of a file as text, at most so many. */
export function endOfFile(fd: number, most: number): string {
  const { size } = fstatSync(fd)
  const bytes = Buffer.alloc(Math.min(size, most))
  readSync(fd, bytes, 0, bytes.length, size - bytes.length)
  return bytes.toString()
}
