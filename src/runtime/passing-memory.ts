/** More than any file has that is read at each start of this program, bytes. */
const ROOM = 192 * 1024

let memory: Buffer | undefined

/**
 * Memory for what is read and not kept, the same each time: in a virtual machine to touch a page of new memory may take
 * 3 us, longer than to read it. What is in it is anybody's after the next call.
 */
export function passingMemory(): Buffer {
  return (memory ??= Buffer.allocUnsafeSlow(ROOM))
}

/** Gives it back. */
export function forgetPassingMemory(): void {
  memory = undefined
}
