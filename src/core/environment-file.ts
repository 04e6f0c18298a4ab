import type { Diagnostic } from './diagnostic.ts'

const BLANK_OR_COMMENT = /[ \t]*(?:#[^\n]*)?(?=\n|$)/y
const ASSIGNMENT = /([ \t]*(?:export[ \t]+)?)([\w.-]+)(?:[ \t]*=|:(?=[ \t]))[ \t]*/y
// The same reading of quotes as dotenv's, so that what passes here is what it returns.
const QUOTED = /(["'`])(?:\\\1|(?!\1)[^])*\1[ \t]*(?:#[^\n]*)?(?=\n|$)/y
const REST = /[^\n]*/y
/** These say which environment files are read, so they are looked for before any is; each with its flag. */
const TOO_LATE = /^[ \t]*(?:export[ \t]+)?(?<name>TW_RUN_(?:ROOT|ENV))[ \t]*[=:][ \t]*$/
const FLAGS: Readonly<Record<string, string>> = { TW_RUN_ROOT: '-d <folder>', TW_RUN_ENV: '-e <file>' }
const NO_TEXT = /[\0\ufffd]/

/**
 * Everything in an environment file that dotenv would skip or misread in silence, and what tw-run would. The diagnostics show no value:
 * of an assignment only the name, and of a line that is none, nothing but its shape.
 */
export function checkEnvironmentFile(text: string, file: string): Diagnostic[] {
  const source = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  const diagnostics: Diagnostic[] = []
  let line = 1
  for (let start = 0; start < source.length;) {
    const { fault, end = endOf(REST, source, start) ?? start } = readStatement(source, start)
    if (fault !== undefined) {
      const { offset, shown, ...rest } = fault
      const masked = conceal(source.slice(start, endOf(REST, source, start)), shown)
      diagnostics.push({ severity: 'error', file, line, column: offset + 1, ...rest, source: masked })
    }
    line += source.slice(start, end + 1).split('\n').length - 1
    start = end + 1
  }
  return diagnostics
}

interface Fault {
  /** 0-based, from the beginning of the line. */
  readonly offset: number
  readonly length: number
  readonly message: string
  readonly hint: string
  /** How much of the line is no value and may be shown. */
  readonly shown: number
}

/** What stands at `start`, the beginning of a line; `end` is given if that is not the end of the line. */
function readStatement(source: string, start: number): { fault?: Fault; end?: number } {
  if (endOf(BLANK_OR_COMMENT, source, start) !== undefined) return {}
  const line = source.slice(start, endOf(REST, source, start))
  const odd = line.search(NO_TEXT)
  if (odd >= 0) return { fault: unreadable(odd) }
  const value = endOf(ASSIGNMENT, source, start)
  if (value === undefined) return { fault: noAssignment(line) }
  const late = endOf(BLANK_OR_COMMENT, source, value) === undefined ? tooLate(source.slice(start, value)) : {}
  if (!/["'`]/.test(source[value] ?? '')) return late
  const end = endOf(QUOTED, source, value)
  if (end === undefined) return { fault: badQuote(line, value - start) }
  return NO_TEXT.test(source.slice(value, end)) ? { fault: unreadable(value - start), end } : { ...late, end }
}

/** `assigned` is all that stands before the value. */
function tooLate(assigned: string): { fault?: Fault } {
  const name = TOO_LATE.exec(assigned)?.groups?.['name']
  if (name === undefined) return {}
  return {
    fault: {
      offset: assigned.indexOf(name),
      length: name.length,
      message: `${name} has no effect here: it says which environment files are read`,
      hint: `set it in the shell, or use ${FLAGS[name]}`,
      shown: assigned.length,
    },
  }
}

function noAssignment(line: string): Fault {
  return {
    offset: line.search(/[^ \t]/),
    length: line.trim().length,
    message: 'this is no assignment',
    hint: 'write NAME=value, begin a comment with #, or quote a value of several lines',
    shown: 0,
  }
}

function badQuote(line: string, offset: number): Fault {
  const quote = line[offset] ?? ''
  const closed = line.includes(quote, offset + 1)
  return {
    offset,
    length: 1,
    message: closed ? 'text after the closing quote' : 'a quote is opened here and never closed',
    hint: closed ? 'put the whole value in one pair of quotes, of another kind' : `close it with ${quote}`,
    shown: offset + 1,
  }
}

function unreadable(offset: number): Fault {
  const hint = 'save the file as plain UTF-8 text'
  return { offset, length: 1, message: 'a byte that is no text (NUL, or not UTF-8)', hint, shown: 0 }
}

function conceal(line: string, shown: number): string {
  return line.slice(0, shown) + line.slice(shown).replace(/[^ \t]/g, '*')
}

function endOf(pattern: RegExp, source: string, start: number): number | undefined {
  pattern.lastIndex = start
  return pattern.test(source) ? pattern.lastIndex : undefined
}
