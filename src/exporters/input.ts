import { portOf } from '../core/ports.ts'
import type { Rules } from '../core/rules.ts'

/** A type of the formation, as a service manager or an engine has to know it. */
export interface ExportType {
  readonly name: string
  /** As it stands in the Procfile; what runs is `/bin/sh -c` of `shellText` of it. */
  readonly command: string
  /** How many; may be 0. */
  readonly count: number
  /** The port of its first instance; the n-th has n - 1 more. */
  readonly firstPort: number
  readonly rules: Rules
}

/** A type that runs to its end and is never a service: `build`, `release`. */
export interface ExportStage {
  readonly name: string
  readonly command: string
}

/** An app as its files and the options describe it: all that an exporter sees. */
export interface ExportInput {
  /** Letters, digits, `-` and `_`; at most 63 characters. */
  readonly app: string
  /** Absolute; where processes start on this machine. */
  readonly root: string
  /** In file order, stages left out. */
  readonly types: readonly ExportType[]
  readonly stages: readonly ExportStage[]
  /** What the app's files say; nothing of the shell, and nothing that differs between processes. */
  readonly environment: Readonly<Record<string, string>>
  /** The user that `--user` names. */
  readonly user: string | undefined
  /** The user for a manager of this machine: `--user`, else who exports; undefined for the manager's own. */
  readonly localUser: string | undefined
  /** The container image that `--image` names. */
  readonly image: string | undefined
}

/** A file that an exporter wants. */
export interface ExportedFile {
  /** Relative to the folder that is exported to, with `/`. */
  readonly path: string
  /** Permissions, such as 0o600. */
  readonly mode: number
  /** With a line that has `MADE_BY` in its first 1,024 characters, if it may be overwritten later. */
  readonly text: string
}

/** The files of a format, and what it cannot say. */
export interface Rendering {
  readonly files: readonly ExportedFile[]
  /** Sentences for the person at the terminal: what of the app's rules does not hold there. */
  readonly notes: readonly string[]
  /** What to type next, for a person who has written the files. */
  readonly next: string
}

/** Turns an app into files; writes nothing. Throws a TwRunError of exit code 2 for what the format cannot carry. */
export type Exporter = (input: ExportInput) => Rendering

/** By this a file is known as one of ours, which may be overwritten. */
export const MADE_BY = 'Made by tw-run export'

/** The first line of every exported file, without the format's sign of a comment. */
export function madeBy(format: string, { app }: Pick<ExportInput, 'app'>): string {
  return `${MADE_BY} ${format} for ${app}; edit the Procfile and export again.`
}

/** One running copy of a type. */
export interface ExportInstance {
  readonly type: ExportType
  /** From 1. */
  readonly instance: number
  /** `web.1` */
  readonly id: string
  readonly port: number
}

/** The processes of a formation, in file order. */
export function instancesOf({ types }: Pick<ExportInput, 'types'>): ExportInstance[] {
  return types.flatMap((type) =>
    Array.from({ length: type.count }, (_, index) => ({
      type,
      instance: index + 1,
      id: `${type.name}.${index + 1}`,
      port: portOf(type.firstPort, index + 1),
    })),
  )
}

/** The types that run at all. */
export function runningTypes({ types }: Pick<ExportInput, 'types'>): ExportType[] {
  return types.filter(({ count }) => count > 0)
}
