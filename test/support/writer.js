// Writes numbered lines of mixed length, as fast as it can or one each `pause` ms, and says at the end how many.
const [, , count = '1000000', pause = '0', code = '0'] = process.argv
const last = Number(count)

function line(number) {
  return `${String(number).padStart(8, '0')} ${'é~'.repeat(number % 40)} end${number}\n`
}

if (Number(pause) > 0) {
  let number = 0
  setInterval(() => {
    number += 1
    process.stdout.write(line(number))
    if (number === last) process.exit(Number(code))
  }, Number(pause))
} else {
  let text = ''
  for (let number = 1; number <= last; number += 1) {
    text += line(number)
    if (text.length < 8192 && number < last) continue
    process.stdout.write(text)
    text = ''
  }
  process.exitCode = Number(code)
}
