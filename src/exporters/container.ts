import { shellText } from '../core/command.ts'
import type { Check, Rules } from '../core/rules.ts'

/** The longest part of a name that comes from the app or a type: two of them and a suffix fit into 63. */
const LONGEST_PART = 24

/** Where a process in a container finds its own scratch directory. */
export const SCRATCH = '/tmp'

/**
 * A name that both engines take: small letters, digits and single hyphens. A text that is not one already, or is
 * too long, gets a mark of its own, so that two texts never share a name.
 */
export function resourcePart(text: string): string {
  const part = text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
  if (part === text && part.length <= LONGEST_PART) return part
  return `${part.slice(0, LONGEST_PART - 7).replace(/-+$/, '') || 'x'}-${markOf(text)}`
}

/** 6 letters or digits that stand for a text: FNV-1a, written to base 36. */
export function markOf(text: string): string {
  let hash = 0x811c9dc5
  for (const character of text) {
    hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 0x01000193) >>> 0
  }
  return hash.toString(36).slice(-6).padStart(6, '0')
}

/** What runs: the same text for the same shell as under `tw-run start`. */
export function shellCommand(command: string): readonly [string, string, string] {
  return ['/bin/sh', '-c', shellText(command)]
}

/** Whether only so many may run, so that an old one has to be gone before a new one starts. */
export function isExclusive({ max }: Rules): boolean {
  return max !== undefined
}

/** How many of a type are replaced at once: a quarter, as Kubernetes has it. */
export function batchOf(count: number): number {
  return Math.max(1, Math.ceil(count / 4))
}

/** The check that an engine with a place for only one gets; undefined where nothing can be asked. */
export function mainCheck({ checks }: Rules): Check | undefined {
  const askable = checks.filter(({ probe }) => probe.by !== 'uptime' && probe.by !== 'log')
  return (
    askable.find(({ probe }) => probe.by === 'command') ??
    askable.find(({ kind }) => kind === 'readiness') ??
    askable[0]
  )
}

/**
 * A script for any POSIX shell that succeeds if somebody in its network namespace listens on a port. It asks the
 * kernel's table, as there may be no client in the image: the local address ends with the port in hexadecimal, and
 * state 0A is LISTEN. Those come first, so what follows, perhaps thousands of connections, is never read: a shell
 * reads byte by byte.
 */
export function listensScript(port: number): string {
  const suffix = port.toString(16).toUpperCase().padStart(4, '0')
  return (
    'for table in /proc/net/tcp /proc/net/tcp6; do [ -r $table ] || continue; ' +
    'while read -r _ local _ state _; do case $state in st) continue;; 0A) ;; *) break;; esac; ' +
    `case $local in *:${suffix}) exit 0;; esac; done <$table; done; exit 1`
  )
}
