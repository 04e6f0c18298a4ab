import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TwRunError } from '../core/error.ts'
import { listeningPorts } from './listeners.ts'
import { tryLock } from './lock.ts'

/** Below the ports that Linux gives to outgoing connections, which begin at 32768. */
const FIRST_PORT = 20_000
const LAST_PORT = 31_999
/** Ports are reserved by the hundred: one lock is enough for most formations. */
const PAGE = 100

/**
 * Finds so many free ports in a row and keeps them from every other tw-run of this user for as long as this process
 * lives; the first of them. `random` is from 0 to 1. Errors: TwRunError 1 if there are not as many left.
 */
export function reservePorts(count: number, random: number): number {
  const folder = join(tmpdir(), `tw-run-ports-${process.getuid?.() ?? 0}`)
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const width = Math.ceil(count / PAGE)
  const pages = Math.floor((LAST_PORT + 1 - FIRST_PORT) / PAGE) - width + 1
  const start = Math.floor(random * pages)
  for (let tried = 0; tried < pages; tried += 1) {
    const first = FIRST_PORT + ((start + tried) % pages) * PAGE
    if (isFree(first, count) && reserve(folder, first, width)) return first
  }
  throw new TwRunError(`there are no ${count} free ports in a row from ${FIRST_PORT} to ${LAST_PORT}`, {
    exitCode: 1,
    hint: 'name a first port with -p, or run fewer processes',
  })
}

function isFree(first: number, count: number): boolean {
  const taken = listeningPorts()
  for (let port = first; port < first + count; port += 1) if (taken.has(port)) return false
  return true
}

/** The locks are held by descriptors that nobody closes: the kernel gives them back when we end, however that is. */
function reserve(folder: string, first: number, width: number): boolean {
  for (let page = 0; page < width; page += 1) {
    if (tryLock(join(folder, String(first + page * PAGE))) === undefined) return false
  }
  return true
}
