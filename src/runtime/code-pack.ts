import { readFile } from './read-to-end.ts'

/** Compiled code, by the name of the file that it was compiled from. */
export type Pack = ReadonlyMap<string, Buffer>

/** V8 copies what begins elsewhere. */
const ALIGNMENT = 8
const NEWLINE = 10
/** As much as the code of most commands takes, bytes. */
const ROOM = 1024 * 1024

/**
 * Compiled code of several files, read in one go; what is damaged is none. The whole stands there twice: V8 takes
 * damaged code and crashes, and nothing is cheaper than to compare two halves.
 */
export function readPack(path: string): Pack {
  const pack = new Map<string, Buffer>()
  try {
    const { bytes, length } = readFile(path, Buffer.allocUnsafeSlow(ROOM))
    const half = bytes.subarray(0, length / 2)
    if (half.length === 0 || !half.equals(bytes.subarray(half.length, length))) return pack
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

/** How much room a part takes that is so long, bytes. */
export function padded(length: number): number {
  return Math.ceil(length / ALIGNMENT) * ALIGNMENT
}
