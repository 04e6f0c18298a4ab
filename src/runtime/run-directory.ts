import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { exitFromStatus } from '../core/exit.ts'
import { parseProcessId } from '../core/names.ts'
import type { ProcessId } from '../core/names.ts'
import type { Health, Run, StopIntent } from '../core/process.ts'
import { decodeHealth, decodeRunSpec, decodeStop } from '../core/records.ts'
import type { RunSpec } from '../core/records.ts'
import { bootFromWall, bootNow } from './clock.ts'
import { mark, readFolder, readIfThere, readUnlessGone, replaceFile } from './disk.ts'
import { givenOf } from './new-run.ts'
import type { StateDir } from './state-dir.ts'

/** How many runs of a process are kept, for their logs. */
const KEPT_RUNS = 3
/** The file, beside the directories of its runs, that says how those of a process ended. */
export const HISTORY = 'history'
/** What a run's directory says, apart from whether its shim lives. */
export type RunRecord = Omit<Run, 'life' | 'leftovers' | 'done'> & {
  readonly path: string
  readonly bootId: string
  readonly pidNamespace: string
}

/** The directory of the n-th run of a process. */
export function runPath(state: StateDir, id: ProcessId, number: number): string {
  return `${state.processes}/${id}/${number}`
}

/** What a run's directory is called until it is complete. */
export function newPath(path: string): string {
  return `${path}.new`
}

/** Makes the directory under a name that is not yet the run's; the caller adds the lifeline. */
export function prepareRun(state: StateDir, spec: RunSpec): string {
  const path = newPath(runPath(state, spec.id, spec.number))
  // Looked for first: what removes trees takes Node 0.6 ms to load.
  if (existsSync(path)) rmSync(path, { recursive: true, force: true })
  mkdirSync(path, { recursive: true, mode: 0o700 })
  writeFileSync(`${path}/spec.json`, JSON.stringify(spec), { mode: 0o600 })
  mark(`${path}/log`)
  return path
}

/** Gives the directory its name, from when on the run is meant to be. */
export function publishRun(state: StateDir, { id, number }: Pick<RunSpec, 'id' | 'number'>): string {
  const path = runPath(state, id, number)
  renameSync(newPath(path), path)
  return path
}

/** The processes that the state directory knows, in no order. */
export function knownProcesses(state: StateDir): ProcessId[] {
  return readdirSync(state.processes).flatMap((name) => parseProcessId(name)?.id ?? [])
}

/** What is on disk of a process. */
export interface Kept {
  /** The numbers of its runs, oldest first. */
  readonly numbers: readonly number[]
  /** Whether anything says how earlier ones ended. */
  readonly hasHistory: boolean
}

export function keptOf(state: StateDir, id: ProcessId): Kept {
  const names = readdirSync(`${state.processes}/${id}`)
  const numbers = names.flatMap((name) => (/^[1-9]\d{0,14}$/.test(name) ? Number(name) : []))
  return { numbers: numbers.toSorted((a, b) => a - b), hasHistory: names.includes(HISTORY) }
}

/** The numbers of a process's runs on disk, oldest first. */
export function runNumbers(state: StateDir, id: ProcessId): readonly number[] {
  return keptOf(state, id).numbers
}

/** The runs of a process that are still on disk, oldest first. */
export function keptRuns(state: StateDir, id: ProcessId): RunRecord[] {
  return runNumbers(state, id).flatMap((number) => {
    const path = runPath(state, id, number)
    const spec = readSpec(path)
    return spec === undefined ? [] : readRunOf(spec, path)
  })
}

/** What was written down of each of them. */
export function keptSpecs(state: StateDir, id: ProcessId): RunSpec[] {
  return runNumbers(state, id).flatMap((number) => readSpec(runPath(state, id, number)) ?? [])
}

/** What was written down of a run before it began; undefined if that is damaged. */
export function readSpec(path: string): RunSpec | undefined {
  return decodeRunSpec(readUnlessGone(`${path}/spec.json`) ?? '')
}

/** What the directory of a run that was to be `spec` says of it now. */
export function readRunOf(spec: RunSpec, path: string): RunRecord {
  const { startedAt, bootId, pidNamespace } = spec
  // One listing: to find that a file is not there takes as long, and of a run that runs on most are not.
  const names = new Set(readFolder(path))
  const textOf = (name: string): string =>
    (names.has(name) ? readUnlessGone(`${path}/${name}`) : undefined) ?? ''
  return {
    path,
    bootId,
    pidNamespace,
    ...givenOf(spec),
    pid: numberIn(textOf('pid')),
    ...(names.has('exit') ? readExit(path, startedAt) : { exit: undefined, endedAt: undefined }),
    stop: decodeStop(textOf('stop')),
    health: decodeHealth(textOf('health')),
    drained: names.has('drained'),
    told: names.has('told'),
    killedAt: numberIn(textOf('killed')),
    leftoversKillAt: numberIn(textOf('leftovers')),
  }
}

/** How the command of a run ended and when (ms since boot), as its shim wrote it. */
export function readExit(path: string, startedAt: number): Pick<Run, 'exit' | 'endedAt'> {
  const file = `${path}/exit`
  const status = readNumber(file)
  if (status === undefined || status > 255) return { exit: undefined, endedAt: undefined }
  // An old run may be dropped while one looks.
  const writtenAt = statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()
  return { exit: exitFromStatus(status), endedAt: bootFromWall(writtenAt, startedAt, bootNow()) }
}

/** Whether the shim wrote how the command ended, which is its last act. */
export function hasEnded(path: string): boolean {
  return existsSync(`${path}/exit`)
}

/** The pid that the shim wrote as its first act. */
export function readPid(path: string): number | undefined {
  return readNumber(`${path}/pid`)
}

export function writeStop(path: string, intent: StopIntent): void {
  replaceFile(`${path}/stop`, JSON.stringify(intent))
}

/** What the checks of a run said last. */
export function readHealth(path: string): Health {
  return decodeHealth(readIfThere(`${path}/health`) ?? '')
}

export function writeHealth(path: string, health: Health): void {
  replaceFile(`${path}/health`, JSON.stringify(health))
}

/** Whether the router has said that no request is under way to this run any more. */
export function isDrained(path: string): boolean {
  return readIfThere(`${path}/drained`) !== undefined
}

export function writeDrained(path: string): void {
  mark(`${path}/drained`)
}

export function writeTold(path: string): void {
  mark(`${path}/told`)
}

export function writeKilled(path: string, at: number): void {
  replaceFile(`${path}/killed`, `${at}\n`)
}

export function writeLeftoversKillAt(path: string, at: number): void {
  replaceFile(`${path}/leftovers`, `${at}\n`)
}

/** The directories of runs that are too old to be kept or were refused, given the newest number. */
export function oldRuns(state: StateDir, id: ProcessId, newest: number): string[] {
  // One of the first has none, and needs no look: of 200 that take a fortieth of a start.
  if (newest <= KEPT_RUNS) return []
  return readdirSync(`${state.processes}/${id}`).flatMap((name) => {
    const [, digits, suffix] = /^([1-9]\d{0,14})(\.new)?$/.exec(name) ?? []
    if (digits === undefined) return []
    const isOld = Number(digits) <= newest - (suffix === undefined ? KEPT_RUNS : 1)
    return isOld ? [`${state.processes}/${id}/${name}`] : []
  })
}

/** Puts a directory that makes no sense out of the way, for a person to look at. */
export function quarantine(path: string): string {
  const away = `${path}.damaged-${Date.now()}`
  renameSync(path, away)
  return away
}

function readNumber(path: string): number | undefined {
  return numberIn(readIfThere(path) ?? '')
}

function numberIn(text: string): number | undefined {
  return /^\d{1,15}\n$/.test(text) ? Number(text) : undefined
}
