import { Redis } from 'ioredis'

/** How long a worker may be silent before its order is given to another one, in milliseconds. */
export const LEASE_MS = Number(process.env.LEASE_MS ?? 2000)
/** A done order is remembered for so long, in seconds: until then the same order sent again changes nothing. */
const REMEMBERED = 7 * 24 * 60 * 60

/**
 * orders:waiting  a list of ids; new ones on the left, taken from the right
 * orders:leased   the ids that workers have, each with the time (of Redis, ms) at which its lease is over
 * order:<id>      customer, points; worker (who has it), attempts; done (1 when it is done)
 * points:<name>   what a customer has
 *
 * Every step is one script: Redis does all of it or nothing, whenever a process is killed.
 */
const NOW = `local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)`

const SCRIPTS = {
  acceptOrder: {
    numberOfKeys: 2,
    lua: `local order, waiting = KEYS[1], KEYS[2]
      if redis.call('EXISTS', order) == 1 then
        local known = redis.call('HMGET', order, 'customer', 'points')
        return known[1] == ARGV[2] and known[2] == ARGV[3] and 'known' or 'different'
      end
      redis.call('HSET', order, 'customer', ARGV[2], 'points', ARGV[3])
      redis.call('LPUSH', waiting, ARGV[1])
      return 'new'`,
  },
  // What nobody has prolonged goes back first, to the front: the worker that had it was killed.
  takeOrder: {
    numberOfKeys: 2,
    lua: `local waiting, leased = KEYS[1], KEYS[2]
      ${NOW}
      for _, id in ipairs(redis.call('ZRANGEBYSCORE', leased, '-inf', now, 'LIMIT', 0, 100)) do
        redis.call('ZREM', leased, id)
        redis.call('RPUSH', waiting, id)
      end
      local id = redis.call('RPOP', waiting)
      if not id then return false end
      redis.call('ZADD', leased, now + ARGV[1], id)
      redis.call('HSET', ARGV[3] .. id, 'worker', ARGV[2])
      redis.call('HINCRBY', ARGV[3] .. id, 'attempts', 1)
      return id`,
  },
  prolongOrder: {
    numberOfKeys: 2,
    lua: `local order, leased = KEYS[1], KEYS[2]
      if redis.call('HGET', order, 'worker') ~= ARGV[3] then return 0 end
      ${NOW}
      return redis.call('ZADD', leased, 'XX', 'CH', now + ARGV[2], ARGV[1])`,
  },
  giveBackOrder: {
    numberOfKeys: 3,
    lua: `local order, leased, waiting = KEYS[1], KEYS[2], KEYS[3]
      if redis.call('HGET', order, 'worker') ~= ARGV[2] then return 0 end
      if redis.call('ZREM', leased, ARGV[1]) == 0 then return 0 end
      redis.call('RPUSH', waiting, ARGV[1])
      return 1`,
  },
  // The effect and the note that it is done are one step: done twice, an order counts once.
  finishOrder: {
    numberOfKeys: 3,
    lua: `local order, leased, points = KEYS[1], KEYS[2], KEYS[3]
      redis.call('ZREM', leased, ARGV[1])
      if redis.call('HGET', order, 'done') then return 0 end
      redis.call('INCRBY', points, redis.call('HGET', order, 'points'))
      redis.call('HSET', order, 'done', 1)
      redis.call('EXPIRE', order, ARGV[2])
      return 1`,
  },
}

const WAITING = 'orders:waiting'
const LEASED = 'orders:leased'
const ORDER = 'order:'

export function openQueue() {
  // Without Redis a request fails at once instead of waiting; the client connects again by itself.
  const redis = new Redis(process.env.REDIS_URL, { maxRetriesPerRequest: 1, scripts: SCRIPTS })
  redis.on('error', (error) => console.error(`redis: ${error.message}`))
  return {
    /** `new`, `known` if the same order was accepted before, `different` if another one was under this id. */
    accept: (id, { customer, points }) => redis.acceptOrder(ORDER + id, WAITING, id, customer, points),

    /** Gives this worker an order for the time of a lease; undefined if none waits. */
    async take(worker) {
      const id = await redis.takeOrder(WAITING, LEASED, LEASE_MS, worker, ORDER)
      return id === null ? undefined : { id, ...(await redis.hgetall(ORDER + id)) }
    },

    prolong: ({ id }, worker) => redis.prolongOrder(ORDER + id, LEASED, id, LEASE_MS, worker),

    giveBack: ({ id }, worker) => redis.giveBackOrder(ORDER + id, LEASED, WAITING, id, worker),

    /** Whether it counted; if not, another worker had done it before. */
    async finish({ id, customer }) {
      return (await redis.finishOrder(ORDER + id, LEASED, `points:${customer}`, id, REMEMBERED)) === 1
    },

    async order(id) {
      const [order, lease] = await Promise.all([redis.hgetall(ORDER + id), redis.zscore(LEASED, id)])
      const { customer, points, attempts, done } = order
      if (customer === undefined) return undefined
      const state = done === '1' ? 'done' : lease === null ? 'waiting' : 'taken'
      return { customer, points: Number(points), state, attempts: Number(attempts ?? 0) }
    },

    async points(customer) {
      return Number(await redis.get(`points:${customer}`))
    },

    close: () => redis.disconnect(),
  }
}
