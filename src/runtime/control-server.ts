import { createServer } from 'node:net'
import type { Server, Socket } from 'node:net'
import { rmSync } from 'node:fs'
import { decodeRequest, LONGEST_MESSAGE } from '../core/protocol.ts'
import type { Reply, Request } from '../core/protocol.ts'

/** A client that has not said what it wants by then, ms, is hung up on. */
const SAY_WITHIN_MS = 5_000
/** More than this at once wait in the kernel's queue, or are turned away. */
const MOST_CLIENTS = 128

/**
 * Listens for commands, one a connection. Only the holder of the state directory's lock may: it removes what
 * a dead one left under the name. `handle` may throw; the client is told.
 */
export async function listenForCommands(path: string, handle: (request: Request) => Reply): Promise<Server> {
  rmSync(path, { force: true })
  const server = createServer({ allowHalfOpen: true }, (socket) => serve(socket, handle))
  server.maxConnections = MOST_CLIENTS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, resolve)
  })
  // The supervisor lives as long as it has work.
  server.unref()
  return server
}

function serve(socket: Socket, handle: (request: Request) => Reply): void {
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
    socket.end(`${JSON.stringify(answer(text.slice(0, Math.max(0, end)), handle))}\n`)
  })
}

function answer(line: string, handle: (request: Request) => Reply): Reply {
  const request = line.length > LONGEST_MESSAGE ? undefined : decodeRequest(line)
  if (request === undefined) {
    return {
      ok: false,
      exitCode: 1,
      message: 'the supervisor did not understand: it may be of another version',
    }
  }
  return handle(request)
}
