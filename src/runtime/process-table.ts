import * as linux from './process-table-linux.ts'
import * as ps from './process-table-ps.ts'

/** A process that carries the token of a run in its environment: the run started it, directly or not. */
export interface Carrier {
  readonly pid: number
  /** Its process group. */
  readonly group: number
  readonly token: string
  readonly command: string
}

/** How far the kernel has come in giving pids, which it does in turn. */
export interface Lap {
  /** How many processes and threads were started since boot. */
  readonly starts: number
  /** Whether a pid that was in use at an earlier lap is for sure still nobody else's. */
  readonly isStill: (pid: number, since: Lap) => boolean
  /** The pid that was given last. */
  readonly last: number
}

/** Who need not be looked into. */
export interface Known {
  readonly isOther: (pid: number) => boolean
  /** A process carries another token, as its own run's. */
  readonly met: (pid: number, token: string) => void
  /** All that there are. */
  readonly thereAre: (pids: readonly number[]) => void
}

/** What this module asks of the kernel, by `/proc` or by the `ps` command. Zombies are never alive here. */
export interface ProcessTable {
  /**
   * Every living process that carries one of the tokens. Those of other users cannot be looked into.
   */
  readonly carriers: (tokens: ReadonlySet<string>) => Carrier[]
  /**
   * The same, looked for twice: what a carrier starts before it ends, while one looks, can slip through once. Who has
   * shown to carry none is not asked again, and who is known is not asked at all.
   */
  readonly carriersNow: (tokens: ReadonlySet<string>, known?: Known) => Carrier[]
  /** Undefined where it is not told. */
  readonly lapNow: () => Lap | undefined
  /** Of every process that we can see. */
  readonly pidsNow: () => number[]
  /** The argument list, or undefined if there is no such process. */
  readonly argumentsOf: (pid: number) => string | undefined
  /** The environment that it was executed with, or undefined where it cannot be known for sure. */
  readonly environmentOfProcess: (pid: number) => ReadonlyMap<string, string> | undefined
  /** The first child, or undefined. */
  readonly childOf: (pid: number) => number | undefined
  /** R, S, T, Z ... as ps prints it, or undefined if there is no such process. */
  readonly stateOf: (pid: number) => string | undefined
  readonly groupOf: (pid: number) => number | undefined
  /** False if it is known not to have the file open, so that it cannot be who locked it. */
  readonly mayHold: (pid: number, path: string) => boolean
  /** Whether its group is the one that its terminal sends Ctrl-C to. */
  readonly isForegroundOf: (pid: number) => boolean
  /**
   * Resident memory of these process groups, bytes: the peaks of their members where the kernel keeps them, else
   * what they have now. What they share is counted for each.
   */
  readonly memoryOfGroups: (groups: ReadonlySet<number>) => ReadonlyMap<number, number>
  /** The living processes with this text among their arguments. */
  readonly findByArgument: (text: string) => number[]
  /** Whether a descriptor of it is open on this file; false where that is not told. */
  readonly holds: (pid: number, descriptor: number, path: string) => boolean
  /** What it calls itself, cut by the kernel, or undefined where that is not told. */
  readonly titleOf: (pid: number) => string | undefined
}

const table: ProcessTable = process.platform === 'linux' ? linux : ps

export const {
  carriers,
  carriersNow,
  lapNow,
  pidsNow,
  argumentsOf,
  environmentOfProcess,
  childOf,
  groupOf,
  findByArgument,
  titleOf,
  holds,
  mayHold,
  memoryOfGroups,
} = table

/** Whether a process of that pid lives; a zombie does not. */
export function isRunning(pid: number): boolean {
  const state = table.stateOf(pid)
  return state !== undefined && state !== 'Z' && state !== 'X'
}

/** Whether Ctrl-C in our terminal goes to our process group. */
export function isInForeground(): boolean {
  return table.isForegroundOf(process.pid)
}

/** Whether it was stopped by a signal or a debugger. */
export function isStopped(pid: number): boolean {
  return /^[Tt]$/.test(table.stateOf(pid) ?? '')
}
