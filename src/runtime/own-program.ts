import { fileURLToPath } from 'node:url'

/** This program, for who runs it again; made when it is asked for, since a URL costs a short command 0.5 ms. */
export function ownProgram(): string {
  return fileURLToPath(new URL('../../dist/cli/tw-run.cjs', import.meta.url))
}
