// Writes numbered lines, some KiB at a time, until SIGTERM or so many lines; each line can be checked by itself.
const [, , kib, pause, last = 'Infinity'] = process.argv

export function lineOf(pid, number) {
  return `${pid} ${number} ${'é~x'.repeat(number % 50)} end${number}`
}

function main() {
  let number = 0
  const write = () => {
    let text = ''
    while (text.length < Number(kib) * 1024 && number < Number(last)) {
      number += 1
      text += `${lineOf(process.pid, number)}\n`
    }
    if (text === '') return process.exit(0)
    process.stdout.write(text)
    if (pause === '0') setImmediate(write)
    else setTimeout(write, Number(pause))
  }
  write()
}

if (process.argv[1] === new URL(import.meta.url).pathname) main()
