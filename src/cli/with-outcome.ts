import { writeFileSync } from 'node:fs'
import { budgetsOf, junitOf } from '../core/report.ts'
import type { Budget, Report } from '../core/report.ts'
import { say } from '../runtime/terminal.ts'
import type { Fixture } from './fixture.ts'
import { duration } from './journal-text.ts'
import { lastLines } from './last-lines.ts'
import type { MemoryPeaks } from './memory-peaks.ts'
import { processReports } from './process-reports.ts'
import { SURVIVED } from './start-action.ts'
import type { Cause } from './with-cause.ts'
import type { WithOptions } from './with.ts'

const STDERR = 2

export interface Told {
  readonly fixture: Fixture
  readonly words: readonly string[]
  readonly options: WithOptions
  readonly exitCode: number
  /** Of the command; undefined if it was not begun. */
  readonly code: number | undefined
  readonly cause: Cause | undefined
  readonly startedAt: Date
  /** performance.now() at the start. */
  readonly begun: number
  readonly readyMs: number | undefined
  readonly peaks: MemoryPeaks
}

/** Says what went wrong, writes the reports, and returns the exit code: 3 where a limit was asked for and not kept. */
export function tellOutcome(told: Told): number {
  const { fixture, options, cause, code } = told
  const processes = processReports(fixture.state, fixture.session, told.peaks.peaks)
  const budgets = budgetsOf(processes, { readyMs: options.readyWithin, stopMs: options.stopWithin })
  const isBroken = budgets.some(({ exceeded }) => exceeded.length > 0)
  const exitCode = told.exitCode === 0 && isBroken ? SURVIVED : told.exitCode
  const report: Report = {
    version: 1,
    command: told.words,
    exitCode,
    commandExitCode: code ?? null,
    cause: cause?.message ?? null,
    startedAt: told.startedAt.toISOString(),
    durationMs: Math.round(performance.now() - told.begun),
    readyMs: told.readyMs === undefined ? null : Math.round(told.readyMs),
    formation: fixture.session.counts,
    processes,
    budgets,
  }
  if (options.report !== undefined) writeFileSync(options.report, `${JSON.stringify(report, null, 2)}\n`)
  if (options.junit !== undefined) writeFileSync(options.junit, junitOf(report))
  if (cause !== undefined) tellCause(fixture, cause)
  for (const budget of budgets) tellBudget(budget)
  return exitCode
}

function tellCause(fixture: Fixture, { message, processes }: Cause): void {
  const isGithub = process.env['GITHUB_ACTIONS'] === 'true'
  for (const id of processes) {
    const lines = lastLines(fixture, id)
    if (lines.length === 0) continue
    const title = `the last lines of ${id}`
    say(STDERR, isGithub ? `::group::${title}\n` : `tw-run: ${title}:\n`)
    say(STDERR, lines.map((line) => `${isGithub ? '' : '  '}${line}\n`).join(''))
    if (isGithub) say(STDERR, '::endgroup::\n')
  }
  if (isGithub) say(STDERR, `::error title=tw-run::${annotation(message)}\n`)
  else say(STDERR, `tw-run: ${message}\n`)
}

/** GitHub's way to keep a message in one line. */
function annotation(message: string): string {
  return message.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A')
}

function tellBudget({ name, limitMs, exceeded }: Budget): void {
  if (exceeded.length === 0) return
  const rows = exceeded.map(
    ({ process, ms }) => `  ${process.padEnd(20)} ${ms === null ? 'never' : duration(ms)}\n`,
  )
  say(STDERR, `tw-run: --${name} ${duration(limitMs)} was not kept:\n${rows.join('')}`)
}
