import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { passingMemory } from './passing-memory.ts'

/** Compiled code, by the name of the file that it was compiled from. */
export type Pack = ReadonlyMap<string, Buffer>

/** V8 copies what begins elsewhere. */
const ALIGNMENT = 8
const NEWLINE = 10

/**
 * Compiled code of several files, read in one go; what is damaged is none. The whole stands there twice: V8 takes
 * damaged code and crashes, and nothing is cheaper than to compare two halves.
 */
export function readPack(path: string): Pack {
  const pack = new Map<string, Buffer>()
  try {
    const half = readHalf(path)
    if (half === undefined) return pack
    let start = half.indexOf(NEWLINE) + 1
    for (const entry of half.toString('latin1', 0, start).trim().split(' ')) {
      const [name = '', length = ''] = entry.split(':')
      pack.set(name, half.subarray(start, start + Number(length)))
      start += padded(Number(length))
    }
  } catch {
    // Nobody has kept any before, or it cannot be read: all is compiled again.
  }
  return pack
}

/** Undefined where the halves of the file are not the same. */
function readHalf(path: string): Buffer | undefined {
  const fd = openSync(path, 'r')
  try {
    const length = Math.floor(fstatSync(fd).size / 2)
    const half = Buffer.allocUnsafeSlow(length)
    if (length === 0 || readSync(fd, half) < length) return undefined
    const other = passingMemory()
    for (let at = 0; at < length; at += other.length) {
      const got = readSync(fd, other)
      if (half.compare(other, 0, got, at, Math.min(at + other.length, length)) !== 0) return undefined
    }
    return half
  } finally {
    closeSync(fd)
  }
}

/** How much room a part takes that is so long, bytes. */
export function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}
