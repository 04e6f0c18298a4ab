import { addedIn } from './edit.ts'
import type { Edited } from './edit.ts'
import type { ProcessPlan } from './expand.ts'
import type { ProcessId } from './names.ts'
import { isToldToStop } from './observe.ts'
import type { Run } from './process.ts'
import { typeOf } from './readiness.ts'
import { replace } from './session.ts'
import type { Session } from './session.ts'

/** What a start that carries on finds running, and what it wants instead. */
export interface Found {
  readonly runs: readonly Run[]
  readonly plans: readonly ProcessPlan[]
}

/**
 * A session that is carried on, with what was edited since to be replaced, and what to say about it. An end that goes on
 * stops everything, whatever was edited.
 */
export function takeIn(session: Session, previous: Session, found: Found): Edited {
  if (session.ending !== undefined) return { session, lines: [] }
  // What is there again may have come to its end before.
  const names = [...editedIn(found), ...addedIn(session, previous)]
  return { session: replace(session, names), lines: describeTakenIn(session, found) }
}

/** Which of these processes run as something else than they are planned to be now. */
export function editedIn(found: Found): ProcessId[] {
  return changedIn(found).map(({ plan }) => plan.id)
}

/** What is stopped of what runs, and why what is replaced is: a line each, as `reload` has it. */
export function describeTakenIn({ counts }: Pick<Session, 'counts'>, found: Found): string[] {
  const planned = new Set(found.plans.map(({ id }) => id))
  const unwanted = found.runs
    .filter((run) => run.life === 'alive' && !isToldToStop(run) && !planned.has(run.id))
    .map(({ id }) => id)
  const isGone = (id: ProcessId): boolean => !Object.hasOwn(counts, typeOf(id))
  const left = unwanted.filter((id) => !isGone(id))
  const lines = [
    ...unwanted.filter(isGone).map((id) => goneLine(typeOf(id))),
    ...changedIn(found).flatMap(({ plan, run }) => {
      // Of the first of its type: once for all of them.
      const [before, after] = [run.port, plan.port].map((port) => port - plan.instance + 1)
      return [
        ...(run.command === plan.command ? [] : [commandChangedLine(plan.type)]),
        ...(before === after ? [] : [portLine(plan.type, before, after)]),
      ]
    }),
    ...(left.length === 0 ? [] : [`stopping ${left.join(', ')}`]),
  ]
  return [...new Set(lines)]
}

export function goneLine(type: string): string {
  return `${type}: gone`
}

export function commandChangedLine(type: string): string {
  return `${type}: command changed`
}

/** `before` and `after`: the first port of the type. */
export function portLine(type: string, before: number | undefined, after: number | undefined): string {
  return `${type}: port ${before} -> ${after}`
}

function changedIn({ runs, plans }: Found): { plan: ProcessPlan; run: Run }[] {
  const alive = new Map(runs.flatMap((run) => (run.life === 'alive' ? [[run.id, run] as const] : [])))
  return plans.flatMap((plan) => {
    const run = alive.get(plan.id)
    const isChanged = run !== undefined && (run.command !== plan.command || run.port !== plan.port)
    return isChanged ? [{ plan, run }] : []
  })
}
