import type { Flags } from '../core/settings.ts'
import { reachEngine } from './engine.ts'
import { requireCommand } from './require-command.ts'

/** Runs a one-off process here or on an engine; the exit code. `separated`: `--` stood before the words. Errors: TwRunError. */
export async function runAsAsked(
  words: readonly string[],
  separated: boolean,
  flags: Flags,
): Promise<number> {
  requireCommand(words, 'name a process type, or a command: tw-run run -- <command>')
  const { reached } = await reachEngine(flags)
  if (reached !== undefined) {
    const { runOn } = await import('./engine-logs-action.ts')
    return runOn(reached, words, separated, flags)
  }
  const { run } = await import('./run-action.ts')
  return run(words, separated, flags)
}
