import { readSync, writeSync } from 'node:fs'
import { expecting } from './system-error.ts'

/** As much as a FIFO holds, bytes. */
const ROOM = 64 * 1024

/** What is in a FIFO that is not waited for; nothing at its end, and undefined where somebody may write more. */
export function readNow(fd: number): Buffer | undefined {
  const bytes = Buffer.allocUnsafe(ROOM)
  const length = expecting({ EAGAIN: -1 }, () => readSync(fd, bytes))
  return length < 0 ? undefined : bytes.subarray(0, length)
}

/** Writes what there is room for now; what is left of it. Nothing, where nobody will read it. */
export function writeNow(fd: number, bytes: Buffer): Buffer {
  if (bytes.length === 0) return bytes
  return bytes.subarray(expecting({ EAGAIN: 0, EPIPE: bytes.length }, () => writeSync(fd, bytes)))
}
