import type { Problem } from './error.ts'
import { didYouMean, EVERY_TYPE, isStage } from './names.ts'

/** How many of each process type. */
export type Counts = ReadonlyMap<string, number>

/** One edit of a formation: `web=3`, or Heroku's `worker+1` and `worker-1`. */
export interface FormationStep {
  readonly type: string
  readonly by: '=' | '+' | '-'
  readonly count: number
}

/** The most processes of one type: more than any machine runs, few enough to be no typing error. */
export const MAX_COUNT = 9999

const STEP = /^([A-Za-z0-9_-]+?)([=+-])(\d+)$/

/**
 * Reads `web=3,worker=2` (commas or blanks; `all=N` for every type not named; `worker+1`). Returns the sound
 * steps and, for each part that is not, a problem.
 */
export function parseFormation(
  text: string,
  types: readonly string[],
): { steps: FormationStep[]; problems: Problem[] } {
  const steps = new Map<string, FormationStep>()
  const problems: Problem[] = []
  for (const part of text.split(/[\s,]+/)) {
    if (part === '') continue
    const step = parseStep(part, types)
    if ('message' in step) problems.push(step)
    else if (steps.has(step.type))
      problems.push({ message: `"${step.type}" is set twice, the second time by "${part}"` })
    else steps.set(step.type, step)
  }
  return { steps: [...steps.values()], problems }
}

function parseStep(part: string, types: readonly string[]): FormationStep | Problem {
  const [, type = '', by = '', digits = ''] = STEP.exec(part) ?? []
  if (type === '') return malformed(part, types)
  const unknown = type === EVERY_TYPE ? undefined : typeProblem(type, types)
  if (unknown !== undefined) return unknown
  if (type === EVERY_TYPE && by !== '=') {
    return { message: `"${part}": all is set, not changed`, hint: 'write all=N' }
  }
  const count = Number(digits)
  if (count > MAX_COUNT)
    return { message: `"${part}": at most ${MAX_COUNT} of one type`, hint: `write ${type}=2` }
  return { type, by: by as FormationStep['by'], count }
}

function malformed(part: string, types: readonly string[]): Problem {
  const [, type = ''] = /^([A-Za-z0-9_-]+)(?:=.*)?$/s.exec(part) ?? []
  if (type === '') return { message: `"${part}" is not "<type>=<count>"`, hint: 'write web=2,worker=1' }
  const unknown = type === EVERY_TYPE ? undefined : typeProblem(type, types)
  if (unknown !== undefined) return unknown
  const message = part.includes('=')
    ? `"${part}": the count is no whole number from 0 to ${MAX_COUNT}`
    : `"${part}" has no count`
  return { message, hint: `write ${type}=2` }
}

/** Why a name cannot stand in a formation, or undefined if it can. */
export function typeProblem(name: string, types: readonly string[]): Problem | undefined {
  const running = types.filter((type) => !isStage(type))
  if (types.includes(name)) return isStage(name) ? stageProblem(name) : undefined
  const [, type = ''] = /^([^=]+)=\d+$/.exec(name) ?? []
  if (running.includes(type)) {
    return { message: `"${name}" is a formation`, hint: `write --formation ${name}` }
  }
  return { message: `unknown process type "${name}"`, hint: didYouMean(name, running, 'process types') }
}

function stageProblem(name: string): Problem {
  return {
    message: `"${name}" is a stage: it runs to completion and is never part of the formation`,
    hint: `run it with: tw-run run ${name}`,
  }
}

/** The edited formation; types not named keep their count, unless `all=N` is among the steps. */
export function applySteps(
  steps: readonly FormationStep[],
  current: Counts,
): { counts: Counts; problems: Problem[] } {
  const every = steps.find((step) => step.type === EVERY_TYPE)
  const problems: Problem[] = []
  const counts = new Map<string, number>()
  for (const [type, now] of current) {
    const step = steps.find((candidate) => candidate.type === type) ?? (isStage(type) ? undefined : every)
    const next = step === undefined ? now : nextCount(step, now)
    if (next < 0) problems.push({ message: `"${type}-${step?.count}": only ${now} of it in the formation` })
    if (next > MAX_COUNT) problems.push({ message: `"${type}": at most ${MAX_COUNT} of one type` })
    counts.set(type, Math.min(Math.max(0, next), MAX_COUNT))
  }
  return { counts, problems }
}

function nextCount({ by, count }: FormationStep, now: number): number {
  if (by === '=') return count
  return by === '+' ? now + count : now - count
}

/** The formation in the form `parseFormation` reads, stages left out. */
export function formatFormation(counts: Counts): string {
  const entries = [...counts].filter(([type]) => !isStage(type))
  return entries.map(([type, count]) => `${type}=${count}`).join(',')
}
