import { TwRunError } from '../core/error.ts'
import type { Reply, Request } from '../core/protocol.ts'
import { sendCommand } from '../runtime/control-client.ts'
import { readIfThere } from '../runtime/disk.ts'
import type { StateDir } from '../runtime/state-dir.ts'

/**
 * Has a command carried out: by the supervisor if one lives, by a new one if the formation is detached, else
 * here and now, under the lock. Errors: TwRunError, also for what the command refuses.
 */
export async function command(state: StateDir, request: Request): Promise<readonly string[]> {
  const reply = (await ask(state, request)) ?? (await askNobody(state, request))
  if (reply.ok) return reply.lines
  throw new TwRunError(reply.message.replace(/^tw-run: /, ''), { exitCode: reply.exitCode, hint: reply.hint })
}

/** The supervisor is nearly always there: what it takes where there is none is loaded then. */
async function askNobody(state: StateDir, request: Request): Promise<Reply> {
  return (await import('./control.ts')).withoutSupervisor(state, request)
}

/** Undefined if no supervisor listens, or one died before it did it. Errors: TwRunError, if nobody can know. */
export async function ask(state: StateDir, request: Request): Promise<Reply | undefined> {
  const isAdded = addsUp(request)
  const before = isAdded ? readIfThere(state.session) : undefined
  const reply = await sendCommand(state, request)
  if (reply !== 'hung-up') return reply
  // What a supervisor does it has written down first: what is written as it was did not happen.
  if (!isAdded || readIfThere(state.session) === before) return undefined
  throw new TwRunError('the supervisor died while it was asked: it may have happened or not', {
    exitCode: 1,
    hint: 'tw-run scale shows the formation as it is now',
  })
}

/** Set or replaced twice is set or replaced; added twice is not added. */
function addsUp(request: Request): boolean {
  return request.do === 'scale' && request.words.some((word) => /[+-]\d+$/.test(word))
}
