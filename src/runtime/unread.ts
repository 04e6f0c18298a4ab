import type { Session } from '../core/session.ts'

/**
 * The pid of a supervisor whose run is over, and which is only there for the rest of its output: behind Ctrl-S or a full
 * pipe that may be for ever. One in the background has a file, and one of `with` has something else to do.
 */
export function unreadSupervisor(
  session: Session | undefined,
  supervisor: number | undefined,
): number | undefined {
  const isShown = session?.over === true && !session.isDetached && session.isFixture !== true
  return isShown ? supervisor : undefined
}

export function unreadText(pid: number): string {
  return `tw-run (pid ${pid}) waits for somebody to read its output`
}

/** The same, with what to do about it. */
export function unreadSentence(pid: number): string {
  return `${unreadText(pid)} (${unreadHint(pid)})`
}

/** What to do about it. */
export function unreadHint(pid: number): string {
  return `read it, or end it with: kill ${pid}`
}
