import { closeSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { padded } from './code-pack.ts'
import type { Pack } from './code-pack.ts'

/** Writes what `readPack` reads, for the user alone, and never in part. Errors: those of the file system. */
export function writePack(path: string, pack: Pack): void {
  const entries = Array.from(pack, ([name, code]) => `${name}:${code.length}`).join(' ')
  const head = Buffer.from(`${entries.padEnd(padded(entries.length + 1) - 1)}\n`)
  const parts: Buffer[] = [head]
  for (const code of pack.values()) parts.push(code, Buffer.alloc(padded(code.length) - code.length))
  // Containers that share a home may share a pid, too.
  const next = `${path}.${process.pid}.${Math.random().toString(36).slice(2)}`
  try {
    const fd = openSync(next, 'wx', 0o600)
    try {
      // One by one: all as one buffer would be 1 MB of memory that is never given back.
      for (const part of [...parts, ...parts]) writeFileSync(fd, part)
    } finally {
      closeSync(fd)
    }
    renameSync(next, path)
  } catch (error) {
    rmSync(next, { force: true })
    throw error
  }
}
