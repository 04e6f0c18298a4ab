import { Redis } from 'ioredis'

// Without Redis a request fails at once instead of waiting; the client connects again by itself.
const redis = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: 1 })
redis.on('error', (error) => console.error(`redis: ${error.message}`))

export const close = () => redis.disconnect()

const key = (id) => `session:${id}`

/** A session is a list in Redis, that Redis drops when its time is over. */
export const store = {
  async create(id, entry, seconds) {
    await all(redis.multi().rpush(key(id), JSON.stringify(entry)).expire(key(id), seconds))
  },

  async read(id, seconds) {
    const [entries] = await all(redis.multi().lrange(key(id), 0, -1).expire(key(id), seconds))
    return entries.length === 0 ? undefined : entries.map((entry) => JSON.parse(entry))
  },

  async append(id, entry, seconds) {
    const [length] = await all(redis.multi().rpushx(key(id), JSON.stringify(entry)).expire(key(id), seconds))
    return length > 0
  },

  async remove(id) {
    await redis.del(key(id))
  },
}

/** The results of a transaction; any error in it is an error. */
async function all(transaction) {
  const results = await transaction.exec()
  return results.map(([error, result]) => {
    if (error !== null) throw error
    return result
  })
}
