import { writeFileSync } from 'node:fs'
import { TwRunError } from '../core/error.ts'
import { printable } from '../core/printable.ts'
import { junitOf } from '../core/report.ts'
import type { Report } from '../core/report.ts'
import { reasonOf } from '../runtime/system-error.ts'
import type { WithOptions } from './with.ts'

type Files = Pick<WithOptions, 'report' | 'junit'>

/** Empties the files, so that none of an earlier run is taken for ours. Errors: TwRunError 1; nothing runs yet. */
export function prepareReports(...files: readonly (string | undefined)[]): void {
  for (const file of files) if (file !== undefined) write(file, '')
}

/** Errors: TwRunError 1. */
export function writeReports({ report: json, junit }: Files, report: Report): void {
  if (json !== undefined) write(json, `${JSON.stringify(report, null, 2)}\n`)
  if (junit !== undefined) write(junit, junitOf(report))
}

function write(path: string, text: string): void {
  try {
    writeFileSync(path, text)
  } catch (error) {
    throw new TwRunError(`cannot write the report ${printable(path)}: ${reasonOf(error)}`, { exitCode: 1 })
  }
}
