import { isRunnable } from './executable.ts'
import { failedWith } from './system-error.ts'
import { carriers, childOf, groupOf, isRunning } from './process-table.ts'
import type { Carrier } from './process-table.ts'
import { isShim } from './shim.ts'

/** `refused`: the process is there and the kernel does not let us (it runs as somebody else). */
export type Sent = 'sent' | 'gone' | 'refused'

/**
 * Sends a signal to the whole process group of a run, if it still is that: a number alone may have been
 * given to a stranger, so the shim's arguments, or a member's environment, have to carry the token.
 */
export function signalGroup(pid: number, token: string, signal: string): Sent {
  // A group outlives its leader; its number is not given away while it has a member.
  if (!isShim(pid, token) && !carriers(new Set([token])).some(({ group }) => group === pid)) return 'gone'
  return send(pid, -pid, signal)
}

/** The same with a signal that a process is to hear, which one that is stopped does not before it goes on. */
export function tellGroup(pid: number, token: string, signal: string): Sent {
  const sent = signalGroup(pid, token, signal)
  // In the same instant: the number is nobody else's yet, though all may have ended at the first one.
  if (sent === 'sent') send(pid, -pid, 'SIGCONT')
  return sent
}

/** Sends a signal to one process that was just found to carry a token. */
export function signalCarrier({ pid }: Carrier, signal: string): Sent {
  return send(pid, pid, signal)
}

/**
 * Sends a signal to a child of ours that shares our process group, and to all below it. Errors: none; what
 * is gone is gone.
 */
export async function signalTree(pid: number, signal: string): Promise<void> {
  await sendToTree(pid, signal)
  // What is stopped hears nothing but SIGKILL before it goes on.
  if (signal !== 'SIGKILL' && isRunning(pid)) await sendToTree(pid, 'SIGCONT')
}

async function sendToTree(pid: number, signal: string): Promise<void> {
  // tree-kill asks `ps`, and where there is none its error has no handler and ends us.
  if (!isRunnable({ file: 'ps', args: [] }, '/', process.env['PATH'])) {
    // The command is the only child of the shell that sees how it ends.
    const child = childOf(pid)
    if (child !== undefined) send(child, child, signal)
    send(pid, pid, signal)
    return
  }
  const { default: treeKill } = await import('tree-kill')
  await new Promise<void>((resolve) => treeKill(pid, signal, () => resolve()))
}

/** Whether somebody is in a process group. It may be anybody's. */
export function isGroupThere(group: number): boolean {
  return group > 1 && send(group, -group, 0) !== 'gone'
}

/** Kills the group of a child of ours whose exit we have not seen: so long its number is nobody else's. */
export function killChildGroup(pid: number): void {
  send(pid, -pid, 'SIGKILL')
}

/** Ends a helper of our own that has no children, if it is still there. */
export function endHelper(pid: number): void {
  send(pid, pid, 'SIGKILL')
}

/** From where signals to others leave, but those of tree-kill. Never ChildProcess.kill(): after a failed spawn it signals pid 0. */
function send(pid: number, target: number, signal: string | 0): Sent {
  if (!Number.isSafeInteger(pid) || pid <= 1 || pid === process.pid || pid === ourGroup()) {
    throw new Error(`refusing to signal ${pid}`)
  }
  try {
    process.kill(target, signal)
    return 'sent'
  } catch (error) {
    if (failedWith(error, 'ESRCH')) return 'gone'
    if (failedWith(error, 'EPERM')) return 'refused'
    throw error
  }
}

let group: number | undefined

/** Asked for by the first signal: most commands send none. */
function ourGroup(): number | undefined {
  group ??= groupOf(process.pid)
  return group
}
