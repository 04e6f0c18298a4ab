// What has to be done once before a new version runs, such as a change of the database.
console.log('preparing the release')
process.exitCode = Number(process.env.RELEASE_CODE ?? 0)
