import type { Problem } from './error.ts'
import { applySteps, parseFormation, typeProblem, type Counts, type FormationStep } from './formation.ts'
import { isStage } from './names.ts'

/** What a start was asked for. */
export interface FormationRequest {
  /** `web=3,worker=2`, and the option it came from, which the problems name. */
  readonly formation: { readonly text: string; readonly from: string }
  /** Only these types run; empty for all of them. */
  readonly only: readonly string[]
  /** These types do not run. */
  readonly except: readonly string[]
}

/**
 * The counts to start with, one entry a type: its usual quantity where none is named, else 1; 0 for stages and what
 * was left out. A type that is named as the one to run does run.
 */
export function startingCounts(
  { formation, only, except }: FormationRequest,
  types: readonly string[],
  quantities: Readonly<Record<string, number>> = {},
): { counts: Counts; problems: Problem[] } {
  const { steps, problems } = parseFormation(formation.text, types)
  const changes = steps.filter((step) => step.by !== '=').map(changesNothingYet)
  const notThere = except.filter((name) => !types.includes(name))
  const usual = (type: string): number => (Object.hasOwn(quantities, type) ? (quantities[type] ?? 1) : 1)
  const initial = new Map(
    types.map((type) => [type, isStage(type) ? 0 : Math.max(usual(type), only.includes(type) ? 1 : 0)]),
  )
  const { counts } = applySteps(
    steps.filter((step) => step.by === '='),
    initial,
  )
  const runs = (type: string): boolean => (only.length === 0 || only.includes(type)) && !except.includes(type)
  return {
    counts: new Map([...counts].map(([type, count]) => [type, runs(type) ? count : 0])),
    problems: [
      ...[...problems, ...changes].map((problem) => from(formation.from, problem)),
      ...only.flatMap((name) => typeProblem(name, types) ?? []),
      ...notThere
        .flatMap((name) => typeProblem(name, types) ?? [])
        .map((problem) => from('--except', problem)),
    ],
  }
}

/** The problem with the option that it came from, where it is none of a default. */
export function from(option: string, problem: Problem): Problem {
  return option === '' ? problem : { ...problem, message: `${option}: ${problem.message}` }
}

function changesNothingYet({ type, by, count }: FormationStep): Problem {
  return {
    message: `"${type}${by}${count}" changes a formation that runs, and this one is yet to start`,
    hint: `write ${type}=${by === '+' ? count + 1 : Math.max(0, 1 - count)}`,
  }
}
