import { countsOf } from '../core/engine.ts'
import type { EngineType } from '../core/engine.ts'
import { formatFormation } from '../core/formation.ts'
import { TwRunError } from '../core/error.ts'
import { port } from '../core/option-values.ts'
import { printable } from '../core/printable.ts'
import type { Flags } from '../core/settings.ts'
import type { ExportInput } from '../exporters/input.ts'
import type { DeployOptions, Engine } from '../runtime/engine.ts'
import { rememberAsBefore, rememberEngine, rememberPlace } from '../runtime/engine-place.ts'
import { exportInput } from '../runtime/export-input.ts'
import { loadApp, requireProcesses } from '../runtime/load.ts'
import type { App } from '../runtime/load.ts'
import { mention, say } from '../runtime/terminal.ts'
import type { Reached } from './engine.ts'
import { waitForRollout } from './engine-waiting.ts'
import { localToo } from './local-too.ts'

const STDOUT = 1

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
  for (const note of notes) mention(`note: ${note}\n`)
  const watch = await engine.watch()
  const code = await deployed({ engine, here }, input, { publish, readOnly, isNew: before.length === 0 })
  if (code !== 0) return code
  rememberEngine(here, engine.name, { ...engine.place, image: input.image })
  const counts = new Map(input.types.map(({ name, count }) => [name, count]))
  const where = `${engine.name}, as ${input.app}, from ${printable(input.image)}`
  say(STDOUT, `${formatFormation(counts)} on ${where}\n`)
  for (const line of localToo(here)) mention(`note: ${line}`)
  if (!wait) return 0
  await waitForRollout(engine, watch, [...counts.keys()])
  say(STDOUT, 'all ready\n')
  return 0
}

/**
 * Deploys it; the release's exit code if that failed. Where a first start fails, as little is remembered as is left
 * there: what `stop` has to find, in the context in which it was made. Errors: those of `deploy`.
 */
async function deployed(
  { engine, here }: Reached,
  input: ExportInput,
  { isNew, ...options }: Omit<DeployOptions, 'begins'> & { readonly isNew: boolean },
): Promise<number> {
  const { name, place } = engine
  const isKnown = here.memory?.places[name] !== undefined
  let hasBegun = false
  const begins = (): void => {
    hasBegun = true
    // Before there is anything, for a kill -9 may follow.
    if (!isKnown) rememberPlace(here, name, { ...place, image: input.image ?? '' })
  }
  const failed = async (): Promise<void> => {
    if (!hasBegun || (isKnown && !isNew)) return
    // What cannot be asked may be there.
    const isLeft = await engine.hasAny().catch(() => true)
    if (!isKnown && !isLeft) rememberAsBefore(here)
    if (isLeft && isNew)
      mention(
        `note: what was made for it on ${name} goes with: tw-run stop --engine ${name} --app ${place.app}\n`,
      )
  }
  try {
    const code = await engine.deploy(input, { ...options, begins }, (line) => void say(STDOUT, `${line}\n`))
    if (code === 0) return 0
    mention(`tw-run: the release exited with code ${code}: ${WHAT_RUNS[isNew ? 'none' : 'old']}\n`)
    await failed()
    return code
  } catch (error) {
    await failed()
    throw error
  }
}

/** The port that `--publish` names. Errors: TwRunError 2. */
export function portOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const reading = port(text)
  if ('value' in reading) return reading.value
  throw new TwRunError(`--publish: "${printable(text)}" is not ${reading.not}`, { exitCode: 2 })
}

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
