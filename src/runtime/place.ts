import { spawnSync } from 'node:child_process'
import { readFileSync, readlinkSync } from 'node:fs'
import type { Place } from '../core/session.ts'

/** Which boot of which machine, and which pid namespace this process lives in. */
export function here(): Place {
  return { bootId: bootId(), pidNamespace: pidNamespace() }
}

function bootId(): string {
  if (process.platform === 'linux') return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const sysctl = spawnSync('sysctl', ['-n', 'kern.bootsessionuuid'], { encoding: 'utf8' })
  return sysctl.status === 0 ? sysctl.stdout.trim() : 'unknown'
}

function pidNamespace(): string {
  return process.platform === 'linux' ? readlinkSync('/proc/self/ns/pid') : 'the only one'
}
