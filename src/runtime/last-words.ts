import { setTimeout as sleep } from 'node:timers/promises'

/** What begins the end of a formation, and a second time hurries it. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const
/** How long the rest of the output may take after a second Ctrl-C, ms. */
const HURRIED_MS = 1_000

/**
 * Waits until the rest of the output has been read, as any program in a pipe does, but no longer than whoever
 * waits for us: a signal ends it, and a second one that came before leaves it a moment. Then tw-run dies by
 * that signal, which a shell reports as the same 130, 143, 129 or 131: Node cannot exit while a thread of its pool
 * is writing to a frozen terminal, since it joins them all.
 */
export async function untilShown(shown: Promise<void>, hurriedBy: NodeJS.Signals | undefined): Promise<void> {
  const die = (signal: NodeJS.Signals): void => dieBy(signal)
  for (const signal of SIGNALS) process.on(signal, die)
  const moment = new AbortController()
  if (hurriedBy !== undefined) {
    const { signal } = moment
    void sleep(HURRIED_MS, undefined, { signal }).then(
      () => dieBy(hurriedBy),
      () => {},
    )
  }
  await shown
  moment.abort()
  for (const signal of SIGNALS) process.off(signal, die)
}

function dieBy(signal: NodeJS.Signals): void {
  // Without a listener the signal does again what it does by default.
  process.removeAllListeners(signal)
  process.kill(process.pid, signal)
}
