/** What is wrong with a line of a user's file; `offset` is 0-based, both in UTF-16 units. */
export interface Fault {
  readonly message: string
  readonly hint?: string
  readonly offset: number
  readonly length: number
}

interface Surroundings {
  readonly previous: string
  readonly isEntry: boolean
}

const ANOTHER_LINE = 'write "<type>: <command>", or begin the line with # to make it a comment'

/** Why a Procfile's line that is neither blank nor a comment cannot be read; the most telling reason first. */
export function faultOf(source: string, { previous, isEntry }: Surroundings): Fault | undefined {
  return unreadable(source) ?? mergeMarker(source) ?? (isEntry ? undefined : noEntry(source, previous))
}

function unreadable(source: string): Fault | undefined {
  const offset = source.search(/[\0\ufffd]/)
  if (offset < 0) return undefined
  const message = source[offset] === '\0' ? 'a NUL byte' : 'a byte that is not UTF-8'
  return { message, hint: 'save the file as plain UTF-8 text', offset, length: 1 }
}

function mergeMarker(source: string): Fault | undefined {
  const marker = /^(<{7}|={7}|>{7}|\|{7})(?=\s|$)/.exec(source)?.[0]
  if (marker === undefined) return undefined
  return {
    message: 'a merge conflict was left here',
    hint: `keep one side and remove the ${marker} line`,
    offset: 0,
    length: marker.length,
  }
}

function noEntry(source: string, previous: string): Fault {
  const offset = source.search(/[^ \t]/)
  const rest = source.slice(offset).trimEnd()
  const whole = { offset, length: rest.length }
  if (/\\[ \t]*$/.test(previous)) {
    return {
      ...whole,
      message: 'a Procfile has no continuation lines',
      hint: 'join it to the line above, or put the command in a script',
    }
  }
  const colon = rest.indexOf(':')
  if (colon < 0) return { ...whole, message: 'this is not "<type>: <command>"', hint: ANOTHER_LINE }
  if (colon === 0)
    return { offset, length: 1, message: 'a name is missing before the colon', hint: ANOTHER_LINE }
  return badName(rest.slice(0, colon), offset)
}

function badName(name: string, offset: number): Fault {
  if (/^[A-Za-z0-9_-]+[ \t]+$/.test(name)) {
    const blanks = name.length - name.trimEnd().length
    return {
      message: `blank before the colon of "${name.trimEnd()}"`,
      hint: `write "${name.trimEnd()}:"`,
      offset: offset + name.length - blanks,
      length: blanks,
    }
  }
  const [bad = ''] = /[^A-Za-z0-9_-]/u.exec(name) ?? []
  return {
    message: 'a type is named with letters, digits, "-" and "_" only',
    hint: ANOTHER_LINE,
    offset: offset + name.indexOf(bad),
    length: bad.length,
  }
}
