import { decodeRequest, LONGEST_MESSAGE, waitedForUntil } from '../core/protocol.ts'
import type { Reply, Request } from '../core/protocol.ts'
import { bootNow } from './clock.ts'

export type Handle = (request: Request) => Reply

/** What is said to the line of a client, with its end. `handle` may throw; the client is told. */
export function answerTo(line: string, handle: Handle): string {
  return `${JSON.stringify(replyTo(line, handle))}\n`
}

function replyTo(line: string, handle: Handle): Reply {
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
