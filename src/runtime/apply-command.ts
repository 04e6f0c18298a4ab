import type { Problem } from '../core/error.ts'
import { TwRunError } from '../core/error.ts'
import { addedIn, restart, scale, stop, targetsOf } from '../core/edit.ts'
import { formatFormation } from '../core/formation.ts'
import { parseProcessId, isStage } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import type { Reply, Request } from '../core/protocol.ts'
import { replace } from '../core/session.ts'
import { commandChangedLine, goneLine, portLine } from '../core/taken-in.ts'
import type { Session } from '../core/session.ts'
import type { Manifest } from '../core/rules.ts'
import { startingCounts } from '../core/starting-counts.ts'
import { changesOf } from './changes.ts'
import type { Definition } from './definition.ts'
import type { Slots } from './slots.ts'
import { refuseTakenPorts } from './taken-ports.ts'

/** What a command works on. */
export interface Ground {
  readonly session: Session
  readonly definition: Definition
  readonly slots: Slots
}

/** The state after a command, and what to say; `endsAll` where the whole formation is to stop. */
export interface Applied {
  readonly session: Session
  readonly definition: Definition
  readonly endsAll: boolean
  readonly lines: readonly string[]
}

/** Said correctly, and too late. */
const STOPPING: Problem = {
  message: 'the formation is being stopped',
  hint: 'tw-run stop waits until it is; after that: tw-run start',
}

/** Understands a command and edits the desired state in memory; nothing is written or signalled here. */
export function applyCommand(request: Request, ground: Ground): Applied | Reply {
  if (ground.session.ending !== undefined) {
    if (request.do === 'stop') return { ...ground, endsAll: true, lines: ['already stopping'] }
    return refusal([STOPPING], 1)
  }
  try {
    const applied = apply(request, ground)
    if (!('ok' in applied)) requireFreePorts(applied, ground)
    return applied
  } catch (error) {
    // The user's files are wrong, or a port is taken: nothing changes.
    if (error instanceof TwRunError) return refusal([error], error.exitCode === 2 ? 2 : 1)
    throw error
  }
}

function apply(request: Request, ground: Ground): Applied | Reply {
  switch (request.do) {
    case 'scale':
      return applyScale(request.words, ground)
    case 'restart':
      return applyRestart(request.targets, ground)
    case 'stop':
      return applyStop(request.targets, ground)
    case 'reload':
      return applyReload(ground)
  }
}

/** What is to be there and was not needs its port; what runs has it, whoever else listens there. */
function requireFreePorts({ session, definition }: Applied, { session: before, slots }: Ground): void {
  const added = new Set<string>(addedIn(session, before))
  const plan = definition.plansOf('formation', session.counts).filter(({ id }) => added.has(id))
  refuseTakenPorts({ plan, settings: definition.app.settings }, slots, 'and say it once more')
}

function applyScale(words: readonly string[], { session, definition }: Ground): Applied | Reply {
  const edited = scale(session, words, definition.types)
  if ('problems' in edited) return refusal(edited.problems)
  const problems = definition.problemsOf(edited.session.counts)
  return problems.length > 0 ? refusal(problems) : { ...edited, definition, endsAll: false }
}

function applyRestart(words: readonly string[], { session, definition, slots }: Ground): Applied | Reply {
  const targets = targetsOf(words, session, definition.types)
  if ('problems' in targets) return refusal(targets.problems)
  const { ids } = targets
  if (ids.length === 0) return refusal([{ message: 'nothing to restart: none of it is in the formation' }])
  const fresh = definition.reload(session.flags)
  const next = definition.withCommands(typesOf(ids), fresh)
  const gone = definition.types.filter((type) => !fresh.types.includes(type))
  const lines = changesOf(ids, { next, gone }, session, slots)
  const { types } = next.app
  return { session: { ...restart(session, ids), types }, definition: next, endsAll: false, lines }
}

function applyStop(words: readonly string[], { session, definition }: Ground): Applied | Reply {
  if (words.length === 0) return { session, definition, endsAll: true, lines: ['stopping everything'] }
  const targets = targetsOf(words, session, definition.types)
  if ('problems' in targets) return refusal(targets.problems)
  return { ...stop(session, targets.ids), definition, endsAll: false }
}

/** Takes an edited Procfile in: new types start, gone types stop, changed commands restart. */
function applyReload({ session, definition }: Ground): Applied | Reply {
  const next = definition.reload(session.flags)
  const before = new Map(definition.app.types.map(({ name, command }) => [name, command]))
  const added = next.types.filter((type) => !before.has(type))
  const gone = definition.types.filter((type) => !next.types.includes(type))
  const edited = next.app.types.filter(
    ({ name, command }) => before.has(name) && before.get(name) !== command,
  )
  const kept = next.types.filter((type) => before.has(type) && !isStage(type))
  const moved = kept.filter((type) => definition.app.ports.get(type) !== next.app.ports.get(type))
  const { counts: initial } = startingCounts(next.app.settings, next.types, next.app.manifest.quantities)
  const counts = next.types.map((type) => [type, countIn(session, type, added, initial)] as const)
  const problems = next.problemsOf(Object.fromEntries(counts))
  if (problems.length > 0) return refusal(problems)
  const lines = [
    ...added.filter((type) => !isStage(type)).map((type) => `${type}: new`),
    ...gone.map(goneLine),
    ...edited.map(({ name }) => commandChangedLine(name)),
    ...moved.map((type) => portLine(type, definition.app.ports.get(type), next.app.ports.get(type))),
  ]
  if (textOf(definition.app.manifest) !== textOf(next.app.manifest)) lines.push('app.json: changed')
  const { types } = next.app
  const stopped = session.stopped.filter((id) => next.types.includes(parseProcessId(id)?.type ?? ''))
  return {
    session: replace(
      {
        ...session,
        types,
        counts: Object.fromEntries(counts),
        stopped,
        flags: flagsWithout(gone, session, counts),
      },
      // What comes back may have come to its end before.
      new Set([...edited.map(({ name }) => name), ...moved, ...added]),
    ),
    definition: next,
    endsAll: false,
    lines: lines.length > 0 ? lines : ['nothing changed'],
  }
}

function textOf(manifest: Manifest): string {
  return JSON.stringify({ ...manifest, rules: [...manifest.rules] })
}

/** The options of the session for the next one who reads the Procfile, which knows nothing of what is gone. */
function flagsWithout(
  gone: readonly string[],
  { flags }: Session,
  counts: readonly (readonly [string, number])[],
): Session['flags'] {
  if (gone.length === 0) return flags
  const { types, except, ...others } = flags
  const isThere = (name: string): boolean => !gone.includes(name)
  return {
    ...others,
    formation: formatFormation(new Map(counts)),
    ...(types && { types: types.filter(isThere) }),
    ...(except && { except: except.filter(isThere) }),
  }
}

function countIn(
  session: Session,
  type: string,
  added: readonly string[],
  initial: ReadonlyMap<string, number>,
): number {
  if (added.includes(type)) return initial.get(type) ?? 0
  return Object.hasOwn(session.counts, type) ? (session.counts[type] ?? 0) : 0
}

function typesOf(ids: readonly ProcessId[]): Set<string> {
  return new Set(ids.map((id) => parseProcessId(id)?.type ?? ''))
}

function refusal(problems: readonly Problem[], exitCode: 1 | 2 = 2): Reply {
  const message = problems.map((one) => one.message).join('\n')
  const hint = problems.find((one) => one.hint !== undefined)?.hint
  return { ok: false, exitCode, message, ...(hint === undefined ? {} : { hint }) }
}
