import { stat } from 'node:fs'

/**
 * Has libuv begin its threads now. It does so at the first asynchronous work with a file, and aborts this process if
 * there is no room for them then: before processes are started that may take it all.
 */
export function beginThreads(): void {
  stat('/', () => {})
}
