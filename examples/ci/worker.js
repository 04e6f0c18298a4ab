import { Redis } from 'ioredis'

const redis = new Redis({ host: '127.0.0.1', port: Number(process.env.REDIS_PORT) })
// Redis may be told to stop in the same moment as we are.
redis.on('error', () => {})

let isBusy = false
let isStopping = false
process.on('SIGTERM', () => {
  isStopping = true
  if (!isBusy) process.exit(0)
})

redis.once('ready', () => console.log('waiting for jobs'))
while (!isStopping) {
  const job = await redis.blpop('jobs', 0)
  isBusy = true
  console.log(`a job of ${job[1]}`)
  await redis.incr('done')
  isBusy = false
}
process.exit(0)
