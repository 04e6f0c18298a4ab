let jobs = 0
const timer = setInterval(() => console.log(`did job ${(jobs += 1)}`), 1000)

console.log('waiting for jobs')

process.on('SIGTERM', () => {
  console.log('putting the job back')
  clearInterval(timer)
})
