import { BaseSequencer } from 'vitest/node'
import type { TestSpecification } from 'vitest/node'

/** The files that take longest, the longest first: begun last, one of them would run while all else is over. */
const LONGEST = [
  'core/model',
  'cli/history',
  'engines/swarm',
  'cli/exit-codes',
  'cli/output-bytes',
  'engines/kubernetes',
  'cli/export-managers',
  'examples/prove',
  'cli/prove',
  'cli/prove-planted',
  'cli/crash',
  'cli/export-quoting',
  'cli/readiness',
  'examples/sessions',
  'cli/detach',
  'cli/torture',
]

/** Without it vitest takes the largest files first where it has no times of an earlier run, as in CI. */
export default class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    return sorted.toSorted((a, b) => rank(a) - rank(b))
  }
}

/** The same for all others, so that their order stays. */
function rank({ moduleId }: TestSpecification): number {
  const place = LONGEST.findIndex((name) => moduleId.endsWith(`/test/${name}.test.ts`))
  return place < 0 ? LONGEST.length : place
}
