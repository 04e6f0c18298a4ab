import { homedir, hostname } from 'node:os'
import { textOf } from './proc-files.ts'

// What node:os says, without loading it where the environment or the kernel says the same: that takes 0.5 ms.

/** The user's home. Errors: those of homedir(), for a user that the machine does not know. */
export function homeFolder(): string {
  return process.env['HOME'] ?? homedir()
}

/** Where temporary files go. */
export function tempFolder(): string {
  const { TMPDIR, TMP, TEMP } = process.env
  const folder = TMPDIR || TMP || TEMP || '/tmp'
  return folder.length > 1 && folder.endsWith('/') ? folder.slice(0, -1) : folder
}

/** The name of this machine. */
export function hostName(): string {
  return textOf('/proc/sys/kernel/hostname').trim() || hostname()
}
