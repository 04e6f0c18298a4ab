import type { Check } from '../core/rules.ts'
import { runningTypes } from './input.ts'
import type { ExportInput } from './input.ts'

/** What a format can say, beside command, environment, stop and restart. */
export interface Manager {
  readonly name: string
  /** Whether it starts first what others depend on. */
  readonly hasOrder?: boolean
  /** Whether it can hold a stage that runs to its end. */
  readonly hasStages?: boolean
  /** Whether processes run in containers. */
  readonly hasImage?: boolean
  /** The checks that it makes; none if this is not given. */
  readonly makes?: (check: Check) => boolean
}

/** A sentence for each rule of the app that a manager will not keep. */
export function lostRules(input: ExportInput, manager: Manager): string[] {
  const { name, hasOrder = false, hasStages = false, hasImage = false, makes = () => false } = manager
  const types = runningTypes(input)
  const unchecked = types.filter(({ rules }) =>
    rules.checks.some((check) => isWritten(check) && !makes(check)),
  )
  const dependent = types.filter(({ rules }) => rules.dependsOn.length > 0)
  return [
    ...(input.image === undefined || hasImage ? [] : [`${name} runs no containers: --image is left out`]),
    ...note(unchecked, (which) => `${name} does not make all checks of ${which}`),
    ...note(
      hasOrder ? [] : dependent,
      (which) => `${name} knows no order: what ${which} needs may start later`,
    ),
    ...note(hasStages ? [] : input.stages, (which) => `left out, since stages are no services: ${which}`),
  ]
}

function note(which: readonly { name: string }[], sentence: (names: string) => string): string[] {
  return which.length === 0 ? [] : [sentence(which.map(({ name }) => name).join(', '))]
}

/** Not the one that every server has. */
function isWritten({ kind, probe }: Check): boolean {
  return !(kind === 'startup' && probe.by === 'listen')
}
