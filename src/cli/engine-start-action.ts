import { countsOf } from '../core/engine.ts'
import type { EngineType } from '../core/engine.ts'
import { formatFormation } from '../core/formation.ts'
import { TwRunError } from '../core/error.ts'
import { port } from '../core/option-values.ts'
import { printable } from '../core/printable.ts'
import type { Flags } from '../core/settings.ts'
import type { ExportInput } from '../exporters/input.ts'
import type { Engine } from '../runtime/engine.ts'
import { forgetEngine, rememberEngine } from '../runtime/engine-place.ts'
import { exportInput } from '../runtime/export-input.ts'
import { loadApp, requireProcesses } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { say } from '../runtime/terminal.ts'
import type { Reached } from './engine.ts'
import { waitForRollout } from './engine-waiting.ts'

const STDOUT = 1
const STDERR = 2

export interface EngineStart {
  readonly wait: boolean
  readonly publish: number | undefined
  readonly readOnly: boolean
}

/** Brings the app up on an engine and returns; the release's exit code if that failed. Errors: TwRunError. */
export async function startOn(
  { engine, here }: Reached,
  flags: Flags,
  { wait, publish, readOnly }: EngineStart,
): Promise<number> {
  const app = loadApp({ ...flags, engine: engine.name }, process.env)
  requireProcesses(app)
  const { types: before } = await engine.look()
  const { input, notes } = inputOf(app, flags, engine, before)
  if (input.image === undefined) {
    throw new TwRunError(`${engine.name} runs containers, and no image is named`, {
      exitCode: 2,
      hint: 'name the image of the app with --image, such as --image registry/app:42',
    })
  }
  for (const note of notes) say(STDERR, `note: ${note}\n`)
  const watch = await engine.watch()
  rememberEngine(here, engine.name, { ...engine.place, image: input.image })
  const code = await engine.deploy(input, { publish, readOnly }, (line) => void say(STDOUT, `${line}\n`))
  if (code !== 0) {
    if (before.length === 0) forgetEngine({ ...here, memory: here.memory ?? EMPTY }, engine.name)
    say(
      STDERR,
      `tw-run: the release exited with code ${code}: ${WHAT_RUNS[before.length === 0 ? 'none' : 'old']}\n`,
    )
    return code
  }
  const counts = new Map(input.types.map(({ name, count }) => [name, count]))
  const where = `${engine.name}, as ${input.app}, from ${printable(input.image)}`
  say(STDOUT, `${formatFormation(counts)} on ${where}\n`)
  if (!wait) return 0
  await waitForRollout(engine, watch, [...counts.keys()])
  say(STDOUT, 'all ready\n')
  return 0
}

/** The port that `--publish` names. Errors: TwRunError 2. */
export function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const reading = port(text)
  if ('value' in reading) return reading.value
  throw new TwRunError(`--publish: "${printable(text)}" is not ${reading.not}`, { exitCode: 2 })
}

const EMPTY = { version: 1, engine: 'local', places: {} } as const
const WHAT_RUNS = { none: 'nothing was started', old: 'what ran before runs on, unchanged' }

/** The app as the exporters see it. Types that run keep their count unless another one is asked for. */
export function inputOf(
  app: App,
  flags: Flags,
  engine: Engine,
  before: readonly EngineType[],
): { readonly input: ExportInput; readonly notes: readonly string[] } {
  const { formation, only, except } = app.settings
  const image = app.settings.image ?? engine.place.image
  const choices = { app: engine.place.app, ...(image === '' ? {} : { image }) }
  const { input, notes } = exportInput(app, flags, choices)
  if (formation.text !== '' || only.length + except.length > 0) return { input, notes }
  const kept = countsOf(before)
  const types = input.types.map((type) => ({ ...type, count: kept.get(type.name) ?? type.count }))
  return { input: { ...input, types }, notes }
}
