import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'

/** How much of a log is always kept, bytes, and the steps in which what is older is given back. */
export const KEPT = 16 * 1024 * 1024
export const GIVEN_BACK_IN = 32 * 1024 * 1024

/**
 * Gives the disk back a range of a file (bytes), where the system can punch holes into one; says why if it
 * cannot. An append to the file goes on meanwhile.
 */
export function giveBack(path: string, from: number, length: number, failed: (why: string) => void): void {
  if (process.platform !== 'linux') return
  const punch = spawn('fallocate', ['-p', '-o', String(from), '-l', String(length), path], {
    stdio: 'ignore',
  })
  punch.on('error', ({ message }) => failed(message))
  punch.on('exit', (code) => {
    // Of a run that was too old to be kept there is nothing to give back.
    if (code !== 0 && existsSync(path)) failed('fallocate cannot punch holes into files there')
  })
  punch.unref()
}
