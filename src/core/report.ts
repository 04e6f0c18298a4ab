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
  /** From the start to everything being ready; null if that was not reached. */
  readonly readyMs: number | null
  readonly formation: Readonly<Record<string, number>>
  readonly processes: readonly ProcessReport[]
  readonly budgets: readonly Budget[]
}

/** The limits and who broke them. A process that never got ready breaks the one for readiness. */
export function budgetsOf(
  processes: readonly ProcessReport[],
  limits: { readonly readyMs?: number | undefined; readonly stopMs?: number | undefined },
): Budget[] {
  const budgets: Budget[] = []
  if (limits.readyMs !== undefined) {
    const { readyMs: limitMs } = limits
    const exceeded = processes
      .filter(({ readyMs }) => readyMs === null || readyMs > limitMs)
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

/** The report as JUnit's XML: one case for each process and one for the command. */
export function junitOf(report: Report): string {
  const { processes, command, commandExitCode, cause, durationMs } = report
  const late = new Map(
    report.budgets.flatMap(({ exceeded, name }) => exceeded.map((one) => [one.process, name])),
  )
  const cases = processes.map(({ process, readyMs, exits }) => {
    const failure = late.has(process)
      ? `not ${late.get(process)}`
      : readyMs === null
        ? `never ready${exits.length === 0 ? '' : `: ${JSON.stringify(exits.at(-1))}`}`
        : undefined
    return testCase(process, readyMs ?? 0, failure)
  })
  const isBroken = commandExitCode !== 0
  const failure = isBroken ? (cause ?? `exit code ${commandExitCode}`) : undefined
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

function testCase(name: string, ms: number, failure: string | undefined): string {
  const head = `<testcase classname="tw-run" name="${escaped(name)}" time="${seconds(ms)}"`
  return failure === undefined ? `${head}/>` : `${head}><failure message="${escaped(failure)}"/></testcase>`
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(3)
}

/** XML 1.0 has no way to write most control characters. */
function escaped(text: string): string {
  const plain = text.replaceAll(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD]/g, '?')
  return plain
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
