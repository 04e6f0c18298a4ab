import { describeExactly } from './duration.ts'
import type { ProcessId } from './names.ts'
import type { ProcessStatus } from './status.ts'

/** What one process did while the formation was there. Times are in ms and whole. */
export interface ProcessReport {
  readonly process: ProcessId
  readonly type: string
  readonly instance: number
  readonly port: number
  /** From the start of its newest run to the first sign of life of it; null if there was none. */
  readonly upMs: number | null
  /** From the start of its newest run to its being ready; null if it never was. */
  readonly readyMs: number | null
  /** From the stop signal to its end; null if it ended by itself. */
  readonly stopMs: number | null
  readonly restarts: number
  /** Every end, oldest first. */
  readonly exits: readonly NonNullable<ProcessStatus['lastExit']>[]
  /** Bytes: the most that it and its descendants had in memory, looked at once a second; null if nobody could look. */
  readonly peakMemory: number | null
}

/** A limit that was asked for, and what kept it or not. */
export interface Budget {
  readonly name: 'ready-within' | 'stop-within'
  readonly limitMs: number
  /** Who took longer, and how long; null for one that never got there. */
  readonly exceeded: readonly { readonly process: ProcessId; readonly ms: number | null }[]
}

/** What a pipeline reads. */
export interface Report {
  readonly version: 1
  readonly command: readonly string[]
  /** What tw-run ended with. */
  readonly exitCode: number
  /** What the command ended with; null if it was not begun. */
  readonly commandExitCode: number | null
  /** Why it failed, in one sentence; null if it did not. */
  readonly cause: string | null
  /** ISO 8601. */
  readonly startedAt: string
  readonly durationMs: number
  /** The processes that the cause is about. */
  readonly failed: readonly ProcessId[]
  /** From the start to everything being ready; null if that was not reached. */
  readonly readyMs: number | null
  readonly formation: Readonly<Record<string, number>>
  readonly processes: readonly ProcessReport[]
  readonly budgets: readonly Budget[]
}

/** The limits and who broke them. One that never got ready, and did not do its work either, breaks that one. */
export function budgetsOf(
  processes: readonly ProcessReport[],
  limits: { readonly readyMs?: number | undefined; readonly stopMs?: number | undefined },
): Budget[] {
  const budgets: Budget[] = []
  if (limits.readyMs !== undefined) {
    const { readyMs: limitMs } = limits
    const exceeded = processes
      .filter((one) => (one.readyMs === null ? !hasEndedWell(one) : one.readyMs > limitMs))
      .map(({ process, readyMs: ms }) => ({ process, ms }))
    budgets.push({ name: 'ready-within', limitMs, exceeded })
  }
  if (limits.stopMs !== undefined) {
    const { stopMs: limitMs } = limits
    const exceeded = processes
      .filter(({ stopMs }) => stopMs !== null && stopMs > limitMs)
      .map(({ process, stopMs: ms }) => ({ process, ms }))
    budgets.push({ name: 'stop-within', limitMs, exceeded })
  }
  return budgets
}

/** It may have come to its end before the time at which it would have counted as ready. */
function hasEndedWell({ stopMs, exits }: ProcessReport): boolean {
  const last = exits.at(-1)
  return stopMs === null && last !== undefined && 'code' in last && last.code === 0
}

/** What was not kept, in one sentence; undefined if everything was. */
export function brokenBudget(budgets: readonly Budget[]): string | undefined {
  const broken = budgets.filter(({ exceeded }) => exceeded.length > 0)
  if (broken.length === 0) return undefined
  return broken
    .map(({ name, limitMs, exceeded }) => {
      const who = exceeded.map(({ process }) => process).join(', ')
      return `--${name} ${describeExactly(limitMs)} was not kept by ${who}`
    })
    .join('; ')
}

/** The report as JUnit's XML: one case for each process and one for the command. */
export function junitOf(report: Report): string {
  const { processes, command, commandExitCode, cause, durationMs } = report
  const cases = processes.map((one) => testCase(one.process, one.readyMs ?? 0, faultOf(one, report)))
  const isDone = commandExitCode === 0 && report.exitCode === 0
  const isLate = commandExitCode === 0 && brokenBudget(report.budgets) !== undefined
  const failure = isDone || isLate ? undefined : (cause ?? `exit code ${commandExitCode}`)
  cases.push(testCase(command.join(' '), durationMs, failure))
  const failures = cases.filter((one) => one.includes('<failure')).length
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    `<testsuites><testsuite name="tw-run" tests="${cases.length}" failures="${failures}" time="${seconds(durationMs)}">`,
    ...cases,
    '</testsuite></testsuites>',
    '',
  ].join('\n')
}

/** What was wrong with a process; undefined if nothing was. */
function faultOf({ process, readyMs, exits }: ProcessReport, report: Report): string | undefined {
  if (report.failed.includes(process)) return report.cause ?? 'it failed'
  const late = report.budgets.find(({ exceeded }) => exceeded.some((one) => one.process === process))
  if (late !== undefined) return `--${late.name} ${describeExactly(late.limitMs)} was not kept`
  // One that came to its end before it was ready did what it was there for, or it would have failed.
  return readyMs === null && exits.length === 0 ? 'it was never started' : undefined
}

function testCase(name: string, ms: number, failure: string | undefined): string {
  const head = `<testcase classname="tw-run" name="${escaped(name)}" time="${seconds(ms)}"`
  return failure === undefined ? `${head}/>` : `${head}><failure message="${escaped(failure)}"/></testcase>`
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}

/** XML 1.0 has no way to write most control characters. */
function escaped(text: string): string {
  const plain = text.replaceAll(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '?')
  return (
    plain
      .replaceAll('&', '&amp;')
      .replaceAll('<', '&lt;')
      .replaceAll('>', '&gt;')
      .replaceAll('"', '&quot;')
      // In an attribute these would be read as blanks.
      .replaceAll(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`)
  )
}
