import { fstatSync } from 'node:fs'
import { printable } from '../core/printable.ts'
import { urlOf } from '../core/router.ts'
import { Router } from '../runtime/router.ts'
import { whyDeaf } from '../runtime/router-address.ts'
import { ROUTER_SOCKET } from '../runtime/shim.ts'
import { stateDirAt } from '../runtime/state-dir.ts'
import { failedWith } from '../runtime/system-error.ts'
import { say } from '../runtime/terminal.ts'

const STDOUT = 1
/** The longest line in its log: clients choose what they ask for. */
const LONGEST_LINE = 300

/** Routes until it is told to stop; the exit code. */
export async function route(host: string, path: string): Promise<number> {
  const port = Number(process.env['PORT'])
  const router = new Router({ state: stateDirAt(path), host, port, socket: heldSocket(), say: note })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => router.stop())
  try {
    await router.run()
  } catch (error) {
    const why = whyDeaf(error, failedWith(error, 'EADDRINUSE', 'EACCES') ? urlOf({ host, port }) : host)
    if (why === undefined) throw error
    note(why)
    return 1
  }
  // Nothing is under way any more; a connection to a process that does not answer is no reason to stay.
  process.exit(0)
}

/** The socket that the supervisor holds, if it does. */
function heldSocket(): number | undefined {
  try {
    return fstatSync(ROUTER_SOCKET).isSocket() ? ROUTER_SOCKET : undefined
  } catch {
    // No such descriptor.
    return undefined
  }
}

function note(text: string): void {
  try {
    say(STDOUT, `${printable(text).slice(0, LONGEST_LINE)}\n`)
  } catch {
    // The disk is full: requests are worth more than what is said of them.
  }
}
