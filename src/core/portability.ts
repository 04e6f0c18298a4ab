import type { Diagnostic } from './diagnostic.ts'
import { isStage } from './names.ts'
import { procfileLines, splitEntry, type ProcessType } from './procfile.ts'

interface Remark {
  readonly message: string
  readonly hint: string
  readonly offset: number
  readonly length: number
}

const BUILD =
  /\b(?:assets:precompile|collectstatic|(?:vite|next|nuxt|ng) build|(?:npm|yarn|pnpm|bun) run build\b|webpack)(?![\w:-])/
const KEEPS_RUNNING = /\b(?:serve|watch|dev|start)\b|--(?:watch|hot)\b|&&|;/

/** What costs nothing on tw-run and does elsewhere: one note a type and reason, in file order. */
export function portabilityNotes(types: readonly ProcessType[], text: string, file: string): Diagnostic[] {
  const lines = procfileLines(text)
  return types.flatMap((type) => {
    const source = lines[type.line - 1] ?? ''
    return remarks(type, source).map(({ offset, ...remark }) => {
      return { severity: 'note' as const, file, line: type.line, column: offset + 1, source, ...remark }
    })
  })
}

function remarks({ name, command }: ProcessType, source: string): Remark[] {
  const offset = splitEntry(source)?.offset ?? 0
  const colon = offset + name.length
  const found: Remark[] = []
  if (offset > 0) {
    const message = 'foreman, honcho, hivemind and overmind skip a line that begins with a blank'
    found.push({ message, hint: 'begin the line with the name', offset: 0, length: offset })
  }
  if (!/\s/.test(source[colon + 1] ?? '')) {
    const message = `hivemind and overmind skip "${name}" for want of a blank after the colon`
    found.push({ message, hint: `write "${name}: "`, offset: colon, length: 1 })
  }
  if (name.includes('-')) {
    const message = `heroku local rejects "${name}" for its hyphen`
    const hint = `"${name.replaceAll('-', '_')}" works everywhere`
    found.push({ message, hint, offset, length: name.length })
  }
  const build = BUILD.exec(command)
  if (build !== null && !isStage(name) && !KEEPS_RUNNING.test(command)) {
    const message = `"${build[0]}" builds and ends, but "${name}" is meant to keep running`
    const hint = 'move it to the build stage: "build: ..."'
    found.push({ message, hint, offset: source.indexOf(build[0], colon), length: build[0].length })
  }
  return found
}
