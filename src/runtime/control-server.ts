import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { decodeRequest, LONGEST_MESSAGE, waitedForUntil } from '../core/protocol.ts'
import type { Reply, Request } from '../core/protocol.ts'
import { bootNow } from './clock.ts'
import { makeControlFolder } from './control-path.ts'
import { isGone, removeIfThere } from './disk.ts'

/** A client that has not said what it wants by then, ms, is hung up on. */
const SAY_WITHIN_MS = 5_000
/** When more than this many have not said what they want, the one that has been silent longest is hung up on. */
const MOST_CLIENTS = 128

type Handle = (request: Request) => Reply

export interface Listening {
  /** Listens again where its socket is gone: temporary folders are cleaned. Errors: TwRunError, or those of listen(2). */
  readonly look: () => Promise<void>
  readonly close: () => void
}

/**
 * Listens for commands, one a connection. Only the holder of the state directory's lock may: it removes what
 * a dead one left under the name. `handle` may throw; the client is told. Errors: as `look`.
 */
export async function listenForCommands(path: string, handle: Handle): Promise<Listening> {
  let server: Server | undefined
  const listen = async (): Promise<void> => {
    // Before there is another one: Node removes what has the name of a socket that it closes.
    server?.close()
    makeControlFolder()
    server = await listenAt(path, handle)
  }
  await listen()
  let again: Promise<void> | undefined
  const look = async (): Promise<void> => {
    if (again === undefined && !isGone(path)) return
    again ??= listen().finally(() => (again = undefined))
    await again
  }
  return { look, close: () => server?.close() }
}

async function listenAt(path: string, handle: Handle): Promise<Server> {
  removeIfThere(path)
  const silent = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    silent.add(socket)
    socket.on('close', () => silent.delete(socket))
    const [longest] = silent
    if (silent.size > MOST_CLIENTS) longest?.destroy()
    serve(socket, (request) => {
      silent.delete(socket)
      return handle(request)
    })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  // The supervisor lives as long as it has work.
  server.unref()
  return server
}

function serve(socket: Socket, handle: Handle): void {
  let text = ''
  socket.setEncoding('utf8')
  const hangUp = setTimeout(() => socket.destroy(), SAY_WITHIN_MS).unref()
  socket.on('close', () => clearTimeout(hangUp))
  // The client went away: nobody to tell.
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk: string) => {
    text += chunk
    const end = text.indexOf('\n')
    if (end < 0 && text.length <= LONGEST_MESSAGE) return
    socket.removeAllListeners('data').pause()
    const reply = answer(text.slice(0, Math.max(0, end)), handle)
    // Once the kernel has it all, nobody waits for the client to hang up.
    socket.end(`${JSON.stringify(reply)}\n`, () => socket.destroy())
  })
}

function answer(line: string, handle: Handle): Reply {
  const request = line.length > LONGEST_MESSAGE ? undefined : decodeRequest(line)
  if (request === undefined) {
    return {
      ok: false,
      exitCode: 1,
      message: 'the supervisor did not understand: it may be of another version',
    }
  }
  // Who asked a supervisor that was stopped was told that it did not happen.
  if (bootNow() > waitedForUntil(line))
    return { ok: false, exitCode: 1, message: 'it was asked too long ago' }
  try {
    return handle(request)
  } catch (error) {
    return { ok: false, exitCode: 1, message: `the supervisor could not do it: ${(error as Error).message}` }
  }
}
