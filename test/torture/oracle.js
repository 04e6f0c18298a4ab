// What may be and what must not: the formation that was asked for, kept beside tw-run, and the verdict.
import { TYPES, uptime } from './world.js'

/** How many of a type there may be. */
export const MOST = 4
/** How long before its first line a process may have been decided on, s. */
const DECIDED_BEFORE_S = 1

/** The formation last asked for. Of what was cut off it knows both: asked for, and not. */
export class Wish {
  /** Undefined while nothing is to run. */
  counts
  /** Slots that were stopped one by one; `maybe` where the command was cut off. */
  #down = new Map()
  /** For each slot the times in which nobody can have wanted it. */
  #unwanted = new Map()
  /** When the edits of a type were taken in for sure. */
  #taken = []

  constructor() {
    for (const slot of everySlot()) this.#unwanted.set(slot, [{ from: 0, to: Infinity }])
  }

  /** yes, no or maybe. */
  isWanted(slot) {
    const { type, instance } = partsOf(slot)
    if (this.counts === undefined || instance > this.counts[type]) return 'no'
    const down = this.#down.get(slot)
    return down === undefined ? 'yes' : down === 'maybe' ? 'maybe' : 'no'
  }

  /** Everything may be wanted from now on that is wanted before or after this effect. */
  begin({ counts, up = [] }) {
    for (const slot of everySlot()) {
      const { type, instance } = partsOf(slot)
      const more = counts !== undefined && instance <= counts[type]
      if (more || up.includes(slot)) this.#open(slot)
    }
  }

  /** It happened. */
  commit({ counts, cleared = [], up = [], down = [], ends = false }) {
    if (ends) this.counts = undefined
    else if (counts !== undefined) this.counts = { ...counts }
    for (const slot of this.#down.keys()) {
      if (cleared.includes(partsOf(slot).type) || up.includes(slot)) this.#down.delete(slot)
    }
    for (const slot of down) this.#down.set(slot, 'surely')
    this.#close()
  }

  /** It was cut off, and its counts, if it had any, are known. */
  doubt({ counts, cleared = [], up = [], down = [] }) {
    if (counts !== undefined) this.counts = { ...counts }
    for (const slot of this.#down.keys()) {
      if (cleared.includes(partsOf(slot).type) || up.includes(slot)) this.#down.set(slot, 'maybe')
    }
    for (const slot of down) if (this.#down.get(slot) !== 'surely') this.#down.set(slot, 'maybe')
    this.#close()
  }

  take(types, edits) {
    const at = uptime()
    for (const type of types) this.#taken.push({ type, edit: edits[type], at })
  }

  /** All by the counts, stopped or not. */
  formation() {
    return everySlot().filter((slot) => partsOf(slot).instance <= (this.counts?.[partsOf(slot).type] ?? 0))
  }

  slots(answer = 'yes') {
    return everySlot().filter((slot) => this.isWanted(slot) === answer)
  }

  /** What is wrong with a process that began then, if anything. */
  faultOf({ slot, edit, at }, edits) {
    const times = this.#unwanted.get(slot)
    if (times === undefined) return `${slot} is of no formation`
    if (times.some(({ from, to }) => from < at - DECIDED_BEFORE_S && at < to - 0.02))
      return `${slot} was started at ${at} and was not asked for`
    const { type } = partsOf(slot)
    if (edit > edits[type]) return `${slot} has a command that was not written yet`
    const older = this.#taken.find(
      (one) => one.type === type && one.edit > edit && one.at < at - DECIDED_BEFORE_S,
    )
    return (
      older && `${slot} was started at ${at} by edit ${edit}, and ${older.edit} was taken in at ${older.at}`
    )
  }

  #open(slot) {
    const last = this.#unwanted.get(slot).at(-1)
    if (last?.to === Infinity) last.to = uptime()
  }

  #close() {
    for (const slot of everySlot()) {
      if (this.isWanted(slot) !== 'no') this.#open(slot)
      else if (this.#unwanted.get(slot).at(-1)?.to !== Infinity)
        this.#unwanted.get(slot).push({ from: uptime(), to: Infinity })
    }
  }
}

export function everySlot() {
  return TYPES.flatMap((type) => Array.from({ length: MOST }, (_, index) => `${type}.${index + 1}`))
}

export function partsOf(slot) {
  const [type, instance] = slot.split('.')
  return { type, instance: Number(instance) }
}

/** What the living differ in from the formation asked for; undefined if in nothing. */
export function difference(wish, living) {
  const parts = []
  for (const slot of wish.slots()) if (!living.has(slot)) parts.push(`${slot} is missing`)
  for (const [slot, tokens] of living) {
    if (wish.isWanted(slot) === 'no') parts.push(`${slot} is too many`)
    if (tokens.size > 1) parts.push(`${slot} is there ${tokens.size} times`)
  }
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** Reads all journals and histories after the end; what was wrong, as sentences. */
export function judge(world, wish, killed) {
  const wrong = [...world.violations()]
  const histories = world.histories()
  const journals = world.journals()
  const seen = { starts: 0, ends: 0, codes: 0, signals: 0, lost: 0, unstarted: 0, late: 0 }
  for (const journal of journals) {
    if (journal.lines.some(({ what }) => what === 'late')) seen.late += 1
    if (journal.at === undefined) continue
    seen.starts += 1
    const fault = wish.faultOf(journal, world.edits)
    if (fault !== undefined) wrong.push(`${fault} (${journal.token})`)
    const ends = (histories.get(journal.slot) ?? []).filter(({ run }) => run === journal.run)
    const text = `${journal.slot} run ${journal.run} (${journal.token}, ${journal.kind})`
    if (ends.length !== 1) wrong.push(`${text} has ${ends.length} ends in the history`)
    for (const { exit } of ends) {
      const problem = exitFault(journal, exit, killed)
      if (problem !== undefined) wrong.push(`${text}: ${problem}: ${JSON.stringify(exit)}`)
    }
  }
  for (const [slot, ends] of histories) judgeHistory({ slot, ends, journals, wrong, seen })
  return { wrong, seen }
}

/** Whether the history says how a process ended, given what it wrote itself and what was done to it. */
function exitFault({ token, lines, code, kind }, exit, killed) {
  const end = lines.find(({ what }) => what === 'end')
  const isShimKilled = killed.shims.has(token)
  // tw-run's SIGKILL goes to the shim too.
  if (exit.kind === 'lost') return isShimKilled ? undefined : 'unknown, and nobody killed its shim'
  if (exit.kind === 'signal' && exit.signal === 'SIGKILL') {
    return killed.commands.has(token) || kind === 'deaf' ? undefined : 'SIGKILL, and nobody sent it'
  }
  if (end === undefined) return 'it wrote of no end'
  return exit.kind === 'code' && exit.code === code ? undefined : `not ${code}, as it wrote`
}

/** Every end once, and none of what never began. */
function judgeHistory({ slot, ends, journals, wrong, seen }) {
  const runs = new Map(journals.filter((one) => one.slot === slot && one.at).map((one) => [one.run, one]))
  if (new Set(ends.map(({ run }) => run)).size !== ends.length) wrong.push(`${slot}: an end is there twice`)
  for (const { run, exit, asked } of ends) {
    seen.ends += 1
    if (exit.kind === 'unstarted') {
      seen.unstarted += 1
      if (runs.has(run)) wrong.push(`${slot} run ${run} ran, and the history says that it never did`)
    } else if (!runs.has(run) && !asked && exit.kind !== 'lost') {
      wrong.push(`${slot} run ${run} ended without having begun: ${JSON.stringify(exit)}`)
    }
    if (exit.kind === 'code') seen.codes += 1
    if (exit.kind === 'signal') seen.signals += 1
    if (exit.kind === 'lost') seen.lost += 1
  }
}
