// Asks for the page as somebody would who reads it, with requests in a row.
const base = process.env.BASE_URL

for (let visit = 0; visit < 10; visit += 1) {
  const response = await fetch(base)
  if (response.status !== 200) throw new Error(`status ${response.status}`)
}
