import { Memcache } from 'memcache'

const memcached = new Memcache({ nodes: [process.env.MEMCACHED], timeout: 2000 })
memcached.on('error', (node, error) => console.error(`memcached: ${error?.message ?? node}`))

export const close = () => memcached.disconnect()

const key = (id) => `session:${id}`

/** A session is one value in memcached, a line for each entry, that memcached drops when its time is over. */
export const store = {
  async create(id, entry, seconds) {
    if (!(await memcached.set(key(id), JSON.stringify(entry), seconds)))
      throw new Error('memcached did not keep a new session')
  },

  async read(id, seconds) {
    const lines = await memcached.get(key(id))
    if (lines === undefined) return undefined
    await memcached.touch(key(id), seconds)
    return lines.split('\n').map((line) => JSON.parse(line))
  },

  /** memcached appends in one step, so two processes at once lose nothing. */
  async append(id, entry, seconds) {
    if (!(await memcached.append(key(id), `\n${JSON.stringify(entry)}`))) return false
    return await memcached.touch(key(id), seconds)
  },

  async remove(id) {
    await memcached.delete(key(id))
  },
}
