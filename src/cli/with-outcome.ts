import { describeExactly } from '../core/duration.ts'
import type { TwRunError } from '../core/error.ts'
import type { ProcessId } from '../core/names.ts'
import { brokenBudget, budgetsOf } from '../core/report.ts'
import type { Budget, ProcessReport, Report } from '../core/report.ts'
import { mention } from '../runtime/terminal.ts'
import type { Fixture } from './fixture.ts'
import { lastLines } from './last-lines.ts'
import { processReports } from './process-reports.ts'
import type { Cause } from './with-cause.ts'
import { writeReports } from './with-reports.ts'
import type { WithOptions } from './with.ts'

/** The exit code where a limit was asked for and not kept. */
const NOT_KEPT = 3

/** What is known from the beginning. */
export interface Began {
  readonly words: readonly string[]
  readonly options: WithOptions
  readonly startedAt: Date
  /** performance.now() at the start. */
  readonly begun: number
}

export interface Told extends Began {
  readonly fixture: Fixture
  readonly exitCode: number
  /** Of the command; undefined if it was not begun. */
  readonly code: number | undefined
  readonly cause: Cause | undefined
  readonly readyMs: number | undefined
  readonly peaks: ReadonlyMap<ProcessId, number>
}

/** Says what went wrong, writes the reports, and returns the exit code. */
export function tellOutcome(told: Told): number {
  const { fixture, options, cause, code, readyMs } = told
  const processes = processReports(fixture, told.peaks)
  const budgets = budgetsOf(processes, { readyMs: options.readyWithin, stopMs: options.stopWithin })
  const broken = brokenBudget(budgets)
  const exitCode = told.exitCode === 0 && broken !== undefined ? NOT_KEPT : told.exitCode
  if (cause !== undefined) tellLastLines(fixture, cause)
  for (const budget of budgets) if (budget.exceeded.length > 0) tellBudget(budget, processes)
  const message = cause?.message ?? broken
  if (message !== undefined) tellMessage(message)
  writeReports(options, {
    ...headOf(told),
    exitCode,
    commandExitCode: code ?? null,
    cause: message ?? null,
    failed: cause?.processes ?? [],
    readyMs: readyMs === undefined ? null : Math.round(readyMs),
    formation: fixture.session.counts,
    processes,
    budgets,
  })
  return exitCode
}

/** The same where nothing was started; the error itself is said by whoever says all errors. */
export function tellRefusal({ message, exitCode }: TwRunError, began: Began): void {
  if (isGithub()) mention(annotation(message))
  writeReports(began.options, {
    ...headOf(began),
    exitCode,
    commandExitCode: null,
    cause: message,
    failed: [],
    readyMs: null,
    formation: {},
    processes: [],
    budgets: [],
  })
}

function headOf({
  words,
  startedAt,
  begun,
}: Began): Pick<Report, 'version' | 'command' | 'startedAt' | 'durationMs'> {
  const durationMs = Math.round(performance.now() - begun)
  return { version: 1, command: words, startedAt: startedAt.toISOString(), durationMs }
}

function tellLastLines(fixture: Fixture, { processes }: Cause): void {
  for (const id of processes) {
    const lines = lastLines(fixture.state, fixture.observed(), id)
    if (lines.length === 0) continue
    const title = `the last lines of ${id}`
    mention(isGithub() ? `::group::${title}\n` : `tw-run: ${title}:\n`)
    // Behind the bar, so that GitHub takes none for a command of its own.
    mention(lines.map((line) => `  | ${line}\n`).join(''))
    if (isGithub()) mention('::endgroup::\n')
  }
}

function tellMessage(message: string): void {
  mention(isGithub() ? annotation(message) : `tw-run: ${message}\n`)
}

function isGithub(): boolean {
  return process.env['GITHUB_ACTIONS'] === 'true'
}

/** GitHub's way to keep a message in one line. */
function annotation(message: string): string {
  const line = message.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
  return `::error title=tw-run::${line}\n`
}

/** Every process beside the limit, so that one sees how far the others are from it. */
function tellBudget({ name, limitMs, exceeded }: Budget, processes: readonly ProcessReport[]): void {
  const late = new Set(exceeded.map(({ process }) => process))
  const width = Math.max(...processes.map(({ process }) => process.length))
  const times = processes.map((one) => {
    const ms = name === 'ready-within' ? one.readyMs : one.stopMs
    return ms === null ? (late.has(one.process) ? 'never' : '-') : describeExactly(ms)
  })
  const longest = Math.max(...times.map(({ length }) => length))
  const rows = processes.map(({ process }, index) => {
    const time = (times[index] ?? '').padEnd(longest)
    return `  ${process.padEnd(width)}  ${time}${late.has(process) ? '  too late' : ''}`
  })
  const what = name === 'ready-within' ? 'ready after' : 'stopped after'
  mention(`tw-run: --${name} ${describeExactly(limitMs)}; ${what}:\n`)
  mention(rows.map((row) => `${row.trimEnd()}\n`).join(''))
}
