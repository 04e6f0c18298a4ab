import { createServer } from 'node:net'
import { join } from 'node:path'
import { TwRunError } from '../core/error.ts'
import type { PortRange } from '../core/option-values.ts'
import { makeFolder } from './disk.ts'
import { listeningPorts } from './listeners.ts'
import { tryLock } from './lock.ts'
import { failedWith } from './system-error.ts'
import { tempFolder } from './usual-places.ts'

/** Below the ports that Linux gives to outgoing connections, which begin at 32768. */
export const USUAL_RANGE: PortRange = { first: 20_000, last: 31_999 }
/** Ports are reserved by the ten, each ten by its number. */
const PAGE = 10
/** Names of the kernel are of this size, bytes, with a NUL in front; Node's versions fill a shorter one up differently. */
const NAME_SIZE = 108

type GiveBack = () => void

/**
 * Finds so many free ports in a row and keeps them from every other tw-run of this machine for as long as this
 * process lives; the first of them. `random` is from 0 to 1. Errors: TwRunError 1 if there are not as many left.
 */
export async function reservePorts(count: number, range: PortRange, random: number): Promise<number> {
  const width = Math.ceil(count / PAGE)
  const lowest = Math.ceil(range.first / PAGE)
  const places = Math.floor((range.last + 1) / PAGE) - lowest - width + 1
  const start = Math.floor(random * places)
  for (let tried = 0; tried < places; tried += 1) {
    const page = lowest + ((start + tried) % places)
    // Once before, which is cheap, and once when nobody can come between any more.
    if (!isFree(page * PAGE, count)) continue
    const giveBack = await reserve(page, width)
    if (giveBack === undefined) continue
    if (isFree(page * PAGE, count)) return page * PAGE
    giveBack()
  }
  throw new TwRunError(`there are no ${count} free ports in a row from ${range.first} to ${range.last}`, {
    exitCode: 1,
    hint: 'name a first port with -p, another range with TW_RUN_AUTO_PORTS=first-last, or run fewer processes',
  })
}

function isFree(first: number, count: number): boolean {
  const taken = listeningPorts()
  for (let port = first; port < first + count; port += 1) if (taken.has(port)) return false
  return true
}

/** Reserves all of these pages or none; how to give them back before our end. */
async function reserve(first: number, width: number): Promise<GiveBack | undefined> {
  const held: GiveBack[] = []
  for (let page = first; page < first + width; page += 1) {
    const giveBack = process.platform === 'linux' ? await holdName(page) : await holdFile(page)
    if (giveBack === undefined) {
      for (const one of held) one()
      return undefined
    }
    held.push(giveBack)
  }
  return () => held.forEach((one) => one())
}

/**
 * A name of the kernel, which takes it back however we end. Such names are known exactly where the ports are: to
 * every user, and not beyond the container, whatever folders it shares.
 */
async function holdName(page: number): Promise<GiveBack | undefined> {
  const server = createServer((socket) => socket.destroy()).unref()
  return await new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (failedWith(error, 'EADDRINUSE')) resolve(undefined)
      else reject(error)
    })
    const path = `\0tw-run-ports-${page}`.padEnd(NAME_SIZE, '.')
    server.listen({ path }, () => resolve(() => server.close()))
  })
}

/** Where there are no such names: a lock, held by a descriptor that nobody closes. */
async function holdFile(page: number): Promise<GiveBack | undefined> {
  const folder = join(tempFolder(), `tw-run-ports-${process.getuid?.() ?? 0}`)
  makeFolder(folder, 0o700)
  return (await tryLock(join(folder, String(page)))) === undefined ? undefined : () => {}
}
