import { setTimeout as sleep } from 'node:timers/promises'
import { countsOf, editCounts } from '../core/engine.ts'
import type { EngineType, EngineView } from '../core/engine.ts'
import { TwRunError } from '../core/error.ts'
import type { Problem } from '../core/error.ts'
import { formatFormation, typeProblem } from '../core/formation.ts'
import { parseProcessId } from '../core/names.ts'
import { printable } from '../core/printable.ts'
import type { Engine } from '../runtime/engine.ts'
import { forgetEngine } from '../runtime/engine-place.ts'
import { isTerminal, say } from '../runtime/terminal.ts'
import { nothingRunsOn } from './engine.ts'
import type { Reached } from './engine.ts'
import { waitForRollout } from './engine-waiting.ts'
import { localToo } from './local-too.ts'
import type { PsOptions } from './ps.ts'
import type { RestartOptions } from './restart.ts'
import type { ScaleOptions } from './scale.ts'
import { statusTable } from './status-table.ts'

const STDOUT = 1
const WATCH_EVERY_MS = 2_000

/** Prints what runs there. Errors: TwRunError. */
export async function psOn({ engine, here }: Reached, options: PsOptions): Promise<void> {
  for (;;) {
    const rows = screen(engine, await engine.look(), options)
    const more = options.json === true ? [] : localToo(here)
    const isRead = say(STDOUT, [rows, ...more].join(''))
    if (options.watch !== true || !isRead) return
    await sleep(WATCH_EVERY_MS)
  }
}

function screen(engine: Engine, { types, rows, notes }: EngineView, options: PsOptions): string {
  if (options.json === true) return `${JSON.stringify(rows)}\n`
  const clear = options.watch === true && isTerminal(STDOUT) ? '\u001b[H\u001b[2J' : ''
  const { app, image, cluster, namespace } = engine.place
  const where = [`engine: ${engine.name}`, `app: ${app}`, `image: ${image}`, `cluster: ${cluster}`]
  const lines = namespace === '' ? where : [...where, `namespace: ${namespace}`]
  const verbose = options.verbose === true ? lines.map((line) => `${line}\n`).join('') : ''
  const reasons = rows.flatMap(({ process, reason }) => (reason === undefined ? [] : `${process}: ${reason}`))
  const said = [...reasons, ...notes].map((line) => `${printable(line)}\n`).join('')
  const formation = types.length === 0 ? '' : ` (${formatFormation(countsOf(types))})`
  const body =
    rows.length === 0 ? `nothing runs on ${engine.name}${formation}\n` : statusTable(rows, new Map())
  return `${clear}${verbose}${body}${said}`
}

/** Changes the formation there, or prints it in a form that can be fed back. Errors: TwRunError. */
export async function scaleOn(
  { engine }: Reached,
  words: readonly string[],
  { wait, json }: ScaleOptions,
): Promise<void> {
  const { types } = await engine.look()
  if (types.length === 0) throw nothingRunsOn(engine)
  let counts = countsOf(types)
  if (words.length > 0) {
    const edit = editCounts(words, types)
    if ('problems' in edit) throw refusal(edit.problems)
    const watch = wait === true ? await engine.watch() : undefined
    await engine.scale(edit.changed)
    counts = new Map([...counts, ...edit.changed])
    if (json !== true) say(STDOUT, `${edit.lines.join('\n')}\n`)
    if (watch !== undefined) await waitForRollout(engine, watch, [...counts.keys()])
  }
  if (json === true) say(STDOUT, `${JSON.stringify(Object.fromEntries(counts))}\n`)
  else if (words.length === 0) say(STDOUT, `${formatFormation(counts)}\n`)
}

/** Replaces all processes of these types, a batch at a time: the engine knows no other way. Errors: TwRunError. */
export async function restartOn(
  { engine }: Reached,
  targets: readonly string[],
  { rolling, wait }: RestartOptions,
): Promise<void> {
  const { types } = await engine.look()
  if (types.length === 0) throw nothingRunsOn(engine)
  const names = typesOf(targets, types, `restart all of its type`)
  const watch = await engine.watch()
  await engine.restart(names)
  say(STDOUT, `restarting ${names.join(', ')}\n`)
  if (rolling === true || wait === true) await waitForRollout(engine, watch, names)
}

/** Stops types, or removes everything that was made for the app. Errors: TwRunError. */
export async function stopOn({ engine, here }: Reached, targets: readonly string[]): Promise<void> {
  if (targets.length > 0) {
    const { types, rows } = await engine.look()
    if (types.length === 0) throw nothingRunsOn(engine)
    const names = typesOf(targets, types, 'stop all of its type, or scale it down')
    await engine.scale(new Map(names.map((name) => [name, 0])))
    const ids = rows.filter(({ type }) => names.includes(type)).map(({ process }) => process)
    say(STDOUT, ids.length === 0 ? 'nothing to stop\n' : `stopping ${ids.join(', ')}\n`)
    return
  }
  say(STDOUT, 'stopping everything\n')
  const removed = await engine.remove()
  // Not before: what could not be removed is found again by it.
  forgetEngine(here, engine.name, engine.place.app)
  if (removed.length === 0) throw nothingRunsOn(engine)
  say(STDOUT, `removed ${removed.join(', ')}\nall stopped, nothing left running\n`)
  for (const line of localToo(here)) say(STDOUT, line)
}

/** The types that words name; an engine keeps a count of each, and no single process. */
function typesOf(words: readonly string[], types: readonly EngineType[], instead: string): string[] {
  const names = types.map(({ name }) => name)
  const problems = words.flatMap((word): Problem[] => {
    const { type } = parseProcessId(word) ?? {}
    if (type !== undefined && names.includes(type)) {
      return [{ message: `${word}: an engine knows types only`, hint: `${instead}: ${type}` }]
    }
    return [typeProblem(word, names) ?? []].flat()
  })
  if (problems.length > 0) throw refusal(problems)
  return words.length === 0 ? names : [...new Set(words)]
}

function refusal(problems: readonly Problem[]): TwRunError {
  return new TwRunError(problems.map(({ message }) => message).join('\n'), {
    exitCode: 2,
    hint: problems[0]?.hint,
  })
}
