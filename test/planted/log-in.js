const base = process.env.BASE_URL

const login = await fetch(`${base}/login`)
const [cookie = ''] = login.headers.getSetCookie()
for (let visit = 0; visit < 5; visit += 1) {
  const page = await fetch(`${base}/account`, {
    headers: { cookie: cookie.split(';')[0] },
    redirect: 'manual',
  })
  if (page.status !== 200) throw new Error(`status ${page.status}`)
}
