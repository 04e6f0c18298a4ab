import { closeSync, openSync, readSync } from 'node:fs'
import { randomBytes } from 'node:crypto'

const bytes = Buffer.alloc(256)
let used = bytes.length

/** So many random bytes as hex digits, at most 256. Asks the kernel: node:crypto takes 3 to 5 ms to load. */
export function randomHex(count: number): string {
  if (used + count > bytes.length && !refill()) return randomBytes(count).toString('hex')
  used += count
  return bytes.toString('hex', used - count, used)
}

/** Of four digits, to tell one-off processes apart in logs; nothing depends on it. */
export function randomNumber(): number {
  return 1_000 + Math.floor(Math.random() * 9_000)
}

function refill(): boolean {
  try {
    const fd = openSync('/dev/urandom', 'r')
    try {
      if (readSync(fd, bytes) < bytes.length) return false
    } finally {
      closeSync(fd)
    }
    used = 0
    return true
  } catch {
    // No descriptor is left for it; node:crypto needs none.
    return false
  }
}
