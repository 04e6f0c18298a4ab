import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { Redis } from 'ioredis'

// Without Redis a request fails at once instead of waiting; the client connects again by itself.
const redis = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: 1 })
redis.on('error', (error) => console.error(`redis: ${error.message}`))

const key = (name) => `upload:${name}`

/** The scratch directory holds the upload while it arrives, and nothing of it afterwards. */
export async function put(name, chunks) {
  const scratch = join(tmpdir(), randomUUID())
  try {
    await pipeline(chunks, createWriteStream(scratch))
    await redis.set(key(name), await readFile(scratch))
  } finally {
    await rm(scratch, { force: true })
  }
}

export async function get(name) {
  return (await redis.getBuffer(key(name))) ?? undefined
}

export const close = () => redis.disconnect()
