import { closeSync, openSync, readSync } from 'node:fs'

/** The first `length` bytes of what was given to read into, or of something larger that took its place. */
export interface Read {
  readonly bytes: Buffer
  readonly length: number
}

/**
 * Reads a file to its end, or until there is more than `most`. Its size is not asked for: a file of /proc and a pipe have
 * none, and to ask takes Node longer than to read a small file. Errors: those of read(2).
 */
export function readToEnd(fd: number, into: Buffer, most = Infinity): Read {
  let bytes = into
  let length = 0
  for (let got = -1; got !== 0 && length <= most; length += got) {
    if (bytes.length === length) bytes = Buffer.concat([bytes], 2 * bytes.length)
    got = readSync(fd, bytes, length, bytes.length - length, null)
  }
  return { bytes, length }
}

/** The same of the file at a path. Errors: those of open(2) and read(2). */
export function readFile(path: string, into: Buffer): Read {
  const fd = openSync(path, 'r')
  try {
    return readToEnd(fd, into)
  } finally {
    closeSync(fd)
  }
}
