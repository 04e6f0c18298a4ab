/** The exit code when something survived the end. */
export const SURVIVED = 3

/** A process as a person finds it again. */
interface Named {
  readonly pid: number
  /** As of printableCommand. */
  readonly command: string
}

/** `node server.js (pid 4211)`. */
export function withPid({ pid, command }: Named): string {
  return `${command} (pid ${pid})`
}

/** What is there when nothing should be. */
export function stillRunning(survivors: readonly Named[]): string {
  return `still running, and could not be stopped: ${survivors.map(withPid).join(', ')}`
}
