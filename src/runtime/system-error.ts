/** The code of an error of the system, such as ENOENT; undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

/** Whether a system call failed with one of these codes. */
export function failedWith(error: unknown, ...codes: string[]): boolean {
  const code = systemCode(error)
  return code !== undefined && codes.includes(code)
}

/**
 * What a system call gives, or the value that stands for the error with which it is expected to fail: nobody reads the stack
 * of that one, which takes longer than the call. Errors: every other.
 */
export function expecting<T>(expected: Readonly<Record<string, T>>, call: () => T): T {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    return call()
  } catch (error) {
    const code = systemCode(error) ?? ''
    if (Object.hasOwn(expected, code)) return expected[code] as T
    throw error
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EISDIR: 'it is a directory, not a file',
  ELOOP: 'its symbolic links go in a circle',
  EMFILE: 'too many files are open',
  ENOSPC: 'no space left on the disk',
  EROFS: 'the file system is read-only',
  ENOENT: 'there is no such file',
  ENOTDIR: 'a part of the path is not a directory',
  EPERM: 'permission denied',
}

/** Why a file could not be used, in words. */
export function reasonOf(error: unknown): string {
  const code = systemCode(error)
  const message = error instanceof Error ? error.message : String(error)
  return (code === undefined ? undefined : REASONS[code]) ?? message
}
