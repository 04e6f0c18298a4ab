import type { Asked, Session, Stage } from './session.ts'

/**
 * These stages, and after them the formation, unless nothing of it was asked for: it would wait for ever for something to
 * do. Of a fixture that is its command.
 */
export function stagesToRun(
  stages: readonly Stage[],
  { counts, isFixture }: Pick<Asked, 'counts' | 'isFixture'>,
): readonly Stage[] {
  const before = stages.filter((stage) => stage !== 'formation')
  const isForStages = before.length > 0 && isFixture !== true && isNothing(counts)
  return isForStages ? before : [...before, 'formation']
}

/** What runs when the stage that runs now has ended well; nothing after the last, if nothing was asked for meanwhile. */
export function stagesAfter({ stages, counts }: Session): readonly Stage[] {
  const after = stages.slice(1)
  return after.length > 0 || isNothing(counts) ? after : ['formation']
}

function isNothing(counts: Session['counts']): boolean {
  return Object.values(counts).every((count) => count === 0)
}
