import { readSync } from 'node:fs'

/** The first `length` bytes of what was given to read into, or of something larger that took its place. */
export interface Read {
  readonly bytes: Buffer
  readonly length: number
}

interface Wish {
  /** So many bytes at the beginning stay. */
  readonly from?: number
  /** So many bytes at the end stay free. */
  readonly spare?: number
  /** Of more than so many no more is read. */
  readonly most?: number
}

/**
 * Reads a file to its end. Its size is not asked for: a file of /proc and a pipe have none, and to ask takes Node longer
 * than to read a small file. Errors: those of read(2).
 */
export function readToEnd(
  fd: number,
  into: Buffer,
  { from = 0, spare = 0, most = Infinity }: Wish = {},
): Read {
  let bytes = into
  let length = from
  for (let got = -1; got !== 0 && length <= most; length += got) {
    while (bytes.length - length <= spare) bytes = Buffer.concat([bytes], 2 * bytes.length)
    got = readSync(fd, bytes, length, bytes.length - length - spare, null)
  }
  return { bytes, length }
}
