import { TwRunError, type Problem } from './error.ts'
import { printable } from './printable.ts'

/** Something to say about a place in a user's file. */
export interface Diagnostic {
  readonly severity: 'error' | 'warning' | 'note'
  /** The file as the user named it. */
  readonly file: string
  /** 1-based. */
  readonly line: number
  /** 1-based, in UTF-16 units. */
  readonly column: number
  /** How much of the line is meant, in UTF-16 units. */
  readonly length: number
  readonly message: string
  readonly hint?: string
  /** The line as it may be shown: of an environment file, never with its value. */
  readonly source: string
}

export function isError({ severity }: Diagnostic): boolean {
  return severity === 'error'
}

const WINDOW = 76
const TAB = '    '
const SHOWN = 100

/** The diagnostic as text: `file:line:column: severity: message`, the line, a run of carets under it, the hint. */
export function formatDiagnostic(diagnostic: Diagnostic): string {
  const { severity, file, line, column, message, hint } = diagnostic
  const out = [`${printable(file)}:${line}:${column}: ${severity}: ${message}`]
  if (diagnostic.source.trim() !== '') out.push(...underline(diagnostic))
  if (hint !== undefined) out.push(`  hint: ${hint}`)
  return out.join('\n')
}

/** The diagnostic in one line, for where lines belong to many. */
export function diagnosticLine({ file, line, column, severity, message, hint }: Diagnostic): string {
  const more = hint === undefined ? '' : ` (${hint})`
  return `${printable(file)}:${line}:${column}: ${severity}: ${printable(message)}${more}`
}

function underline({ source, column, length }: Diagnostic): string[] {
  const from = column - 1
  const to = from + Math.max(1, length)
  const before = cells(source.slice(Math.max(0, from - WINDOW), from))
  const meant = cells(source.slice(from, Math.min(to, from + WINDOW)))
  const after = cells(source.slice(to, to + WINDOW))
  const shown = [...before, ...meant, ...after]
  const start = before.length + 10 > WINDOW || from > WINDOW ? Math.max(0, before.length - 20) : 0
  const end = Math.min(shown.length, start + WINDOW)
  const head = start > 0 ? '…' : ''
  const tail = end < shown.length ? '…' : ''
  const carets = Math.max(1, Math.min(meant.length, end - before.length))
  const indent = ' '.repeat(head.length + before.length - start)
  return [`  ${head}${shown.slice(start, end).join('')}${tail}`, `  ${indent}${'^'.repeat(carets)}`]
}

/** What a person sees as one character each, so that carets stand under what they mean. */
function cells(text: string): string[] {
  const segments = new Intl.Segmenter().segment(printable(text.replaceAll('\t', TAB)))
  return Array.from(segments, ({ segment }) => segment)
}

/** All that is wrong with the inputs, in one error of exit code 2; the message shows the first hundred. */
export class InputError extends TwRunError {
  override readonly name = 'InputError'
  readonly diagnostics: readonly Diagnostic[]
  readonly problems: readonly Problem[]

  constructor(diagnostics: readonly Diagnostic[], problems: readonly Problem[]) {
    const all = [...diagnostics.map(formatDiagnostic), ...problems.map(formatProblem)]
    const more = all.length > SHOWN ? [`and ${all.length - SHOWN} more`] : []
    super([...all.slice(0, SHOWN), ...more].join('\n'), { exitCode: 2 })
    this.diagnostics = diagnostics
    this.problems = problems
  }
}

function formatProblem({ message, hint }: Problem): string {
  return `tw-run: ${message}${hint === undefined ? '' : `\n  hint: ${hint}`}`
}
