import type { Diagnostic } from './diagnostic.ts'
import { isShellName } from './environment.ts'

const BLANK_OR_COMMENT = /[ \t]*(?:#[^\n]*)?(?=\n|$)/y
const ASSIGNMENT = /([ \t]*(?:export[ \t]+)?)([\w.-]+)(?:[ \t]*=|:(?=[ \t]))[ \t]*/y
// The same reading of quotes as dotenv's, so that what passes here is what it returns.
const QUOTED = /(["'`])((?:\\\1|(?!\1)[^])*)\1[ \t]*(?:#[^\n]*)?(?=\n|$)/y
const REST = /[^\n]*/y
/** These say which environment files are read, so they are looked for before any is; each with its flag. */
const TOO_LATE = /^[ \t]*(?:export[ \t]+)?(?<name>TW_RUN_(?:ROOT|ENV))[ \t]*[=:][ \t]*$/
const FLAGS: Readonly<Record<string, string>> = { TW_RUN_ROOT: '-d <folder>', TW_RUN_ENV: '-e <file>' }
const NO_TEXT = /[\0\ufffd]/

/**
 * Everything in an environment file that dotenv would skip or misread in silence, what tw-run would, and as a warning what
 * shells do. The diagnostics show no value: of an assignment only the name, and of a line that is none, nothing but its shape.
 */
export function checkEnvironmentFile(text: string, file: string): Diagnostic[] {
  const source = text.replace(/^\ufeff/, '').replace(/\r\n?/g, '\n')
  const diagnostics: Diagnostic[] = []
  let line = 1
  for (let start = 0; start < source.length;) {
    const { faults, end = endOf(REST, source, start) ?? start } = readStatement(source, start)
    for (const fault of faults) {
      if (fault !== undefined)
        diagnostics.push({ severity: 'error', file, ...placeOf(fault, source, start, line) })
    }
    line += source.slice(start, end + 1).split('\n').length - 1
    start = end + 1
  }
  return diagnostics
}

/** `line` is that of the statement at `start`; a fault in its value may be in a later one, of which nothing is shown. */
function placeOf({ offset, shown, ...rest }: Fault, source: string, start: number, line: number) {
  const before = source.slice(start, start + offset)
  const from = before.lastIndexOf('\n') + 1
  const whole = source.slice(start + from, endOf(REST, source, start + from))
  return {
    ...rest,
    line: line + before.split('\n').length - 1,
    column: offset - from + 1,
    source: conceal(whole, from === 0 ? shown : 0),
  }
}

interface Fault {
  /** An error where nothing is said. */
  readonly severity?: 'warning'
  /** 0-based, from the beginning of the statement. */
  readonly offset: number
  readonly length: number
  readonly message: string
  readonly hint: string
  /** How much of the line is no value and may be shown. */
  readonly shown: number
}

interface Statement {
  readonly faults: readonly (Fault | undefined)[]
  /** Where it is not the end of the line. */
  readonly end?: number
}

/** What stands at `start`, the beginning of a line. */
function readStatement(source: string, start: number): Statement {
  if (endOf(BLANK_OR_COMMENT, source, start) !== undefined) return { faults: [] }
  const line = source.slice(start, endOf(REST, source, start))
  const odd = line.search(NO_TEXT)
  if (odd >= 0) return { faults: [unreadable(odd)] }
  const value = endOf(ASSIGNMENT, source, start)
  if (value === undefined) return { faults: [noAssignment(line)] }
  const offset = value - start
  const isSet = endOf(BLANK_OR_COMMENT, source, value) === undefined
  const name = [oddName(line, offset), isSet ? tooLate(line.slice(0, offset)) : undefined]
  if (!/["'`]/.test(source[value] ?? '')) return { faults: [...name, cutValue(line, offset)] }
  const end = endOf(QUOTED, source, value)
  if (end === undefined) return { faults: [...name, badQuote(line, offset)] }
  const quoted = source.slice(value, end)
  const fault = NO_TEXT.test(quoted) ? unreadable(offset) : keptBackslash(quoted, offset)
  return { faults: [...name, fault], end }
}

/** Every command is begun by /bin/sh. dash, and others, hand on only what they have a name for. */
function oddName(line: string, offset: number): Fault | undefined {
  ASSIGNMENT.lastIndex = 0
  const [, before = '', name = ''] = ASSIGNMENT.exec(line) ?? []
  if (isShellName(name)) return undefined
  return {
    severity: 'warning',
    offset: before.length,
    length: name.length,
    message: `"${name}" is no name for a shell: a process may not get it`,
    hint: 'name it with letters, digits and _, with no digit first',
    shown: offset,
  }
}

/** dotenv ends an unquoted value at the first #, blank before it or not. */
function cutValue(line: string, offset: number): Fault | undefined {
  const at = line.indexOf('#', offset)
  const isComment =
    at < 0 || /\s/.test(line[at - 1] ?? '') || (at === offset && /[\s#]/.test(line[at + 1] ?? ' '))
  if (isComment) return undefined
  return {
    offset: at,
    length: line.length - at,
    message: 'the value ends here: dotenv takes # and what follows for a comment',
    hint: 'put the value in quotes, or write a blank before the # of a comment',
    shown: offset,
  }
}

/** In double quotes, shells and docker compose take it away. */
function keptBackslash(quoted: string, offset: number): Fault | undefined {
  QUOTED.lastIndex = 0
  const [, quote = '', content = ''] = QUOTED.exec(quoted) ?? []
  const at = content.indexOf(`\\${quote}`)
  if (at < 0) return undefined
  const other = ["'", '`', '"'].find((one) => !content.includes(one)) ?? "'"
  return {
    offset: offset + 1 + at,
    length: 1,
    message: 'dotenv keeps this backslash as a part of the value',
    hint: `write the value between ${other} and ${other}, without the backslash`,
    shown: offset + 1,
  }
}

/** `assigned` is all that stands before the value. */
function tooLate(assigned: string): Fault | undefined {
  const name = TOO_LATE.exec(assigned)?.groups?.['name']
  if (name === undefined) return undefined
  return {
    offset: assigned.indexOf(name),
    length: name.length,
    message: `${name} has no effect here: it says which environment files are read`,
    hint: `set it in the shell, or use ${FLAGS[name]}`,
    shown: assigned.length,
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
