import pg from 'pg'

let made = 0

/** An empty database of its own on a throwaway server. */
export async function openDatabase(server: string): Promise<string> {
  const name = `empty_${process.pid}_${++made}`
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(`create database ${name}`)
  await client.end()
  const url = new URL(server)
  url.pathname = `/${name}`
  return url.href
}
