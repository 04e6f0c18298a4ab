import type { Problem } from './error.ts'
import { parseFormation } from './formation.ts'
import type { Counts } from './formation.ts'
import { EVERY_TYPE, isStage } from './names.ts'
import type { Given } from './settings.ts'
import { from } from './starting-counts.ts'

/** The most of each type that `--max` names; and what is no limit, with the option or variable that said it. */
export function limitsFrom(
  { text, from: option }: Given,
  types: readonly string[],
): { limits: Counts; problems: Problem[] } {
  const { steps, problems } = parseFormation(text, types)
  const changes = steps.filter(({ by }) => by !== '=')
  const limitOf = (type: string): number | undefined =>
    (steps.find((step) => step.type === type) ?? steps.find((step) => step.type === EVERY_TYPE))?.count
  const limits = types.flatMap((type): [string, number][] => {
    const count = isStage(type) ? undefined : limitOf(type)
    return count === undefined ? [] : [[type, count]]
  })
  const noLimits = changes.map(({ type, by, count }) => ({
    message: `"${type}${by}${count}" is no limit`,
    hint: `write ${type}=${count}`,
  }))
  return { limits: new Map(limits), problems: [...problems, ...noLimits].map((one) => from(option, one)) }
}
