import type { ExportInput, ExportType } from './input.ts'
import { runningTypes } from './input.ts'

/** What a format can say, beside command, environment, stop and restart. */
export type Kept = 'checks' | 'order'

/** A sentence for each rule of the app that a manager will not keep. */
export function lostRules(
  input: ExportInput,
  manager: string,
  { keeps }: { keeps: readonly Kept[] },
): string[] {
  const types = runningTypes(input)
  const named = (wanted: (type: ExportType) => boolean): string =>
    types
      .filter(wanted)
      .map(({ name }) => name)
      .join(', ')
  const checked = keeps.includes('checks') ? '' : named(({ rules }) => rules.checks.some(isWritten))
  const dependent = named(({ rules }) => rules.dependsOn.length > 0)
  const stages = input.stages.map(({ name }) => name).join(', ')
  return [
    ...(checked === '' ? [] : [`${manager} makes no checks: those of ${checked} are left out`]),
    ...(dependent === '' ? [] : [dependencyNote(manager, dependent, keeps.includes('order'))]),
    ...(stages === '' ? [] : [`${stages}: stages are no services; run them before with: tw-run run <stage>`]),
  ]
}

function dependencyNote(manager: string, types: string, hasOrder: boolean): string {
  return hasOrder
    ? `${manager} starts what ${types} depends on first, but does not wait until that is ready`
    : `${manager} knows no order: what ${types} depends on may start later`
}

/** Beside the one that every server gets. */
function isWritten({ kind, probe }: ExportType['rules']['checks'][number]): boolean {
  return !(kind === 'startup' && probe.by === 'listen')
}
