import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { openSqlite } from '../../src/store/sqlite/open.ts'

/** Made with the schema, and the same in both. */
const kept: ReadonlySet<string> = new Set(['migrations', 'meta'])
const rowsAtOnce = 2_000

/**
 * Copies what a PostgreSQL store holds into a SQLite file: both keep the same rows in the same columns, so that whoever
 * reads the evidence of a drill reads either.
 */
export async function copyToSqlite(url: string, path: string): Promise<void> {
  const made = openSqlite({ path })
  made.close()
  const db = new DatabaseSync(path)
  // A bigint of ours is below 2^53.
  const types = new pg.TypeOverrides()
  types.setTypeParser(pg.types.builtins.INT8, Number)
  const client = new pg.Client({ connectionString: url, types })
  await client.connect()
  try {
    db.exec('pragma foreign_keys = off')
    for (const { name } of db.prepare(`select name from sqlite_schema where type = 'trigger'`).all())
      db.exec(`drop trigger ${String(name)}`)
    const tables = db.prepare(`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`).all()
    db.exec('begin')
    for (const { name } of tables) if (!kept.has(String(name))) await copyTable(client, db, String(name))
    db.exec('commit')
  } finally {
    await client.end()
    db.close()
  }
}

async function copyTable(client: pg.Client, db: DatabaseSync, name: string): Promise<void> {
  const columns = db
    .prepare('select name from pragma_table_info(?)')
    .all(name)
    .map((row) => String(row.name))
  const insert = db.prepare(`insert into ${name} (${columns.join(', ')}) values (${columns.map(() => '?').join(', ')})`)
  db.exec(`delete from ${name}`)
  await client.query('begin')
  await client.query(`declare copying no scroll cursor for select ${columns.join(', ')} from ${name}`)
  for (;;) {
    const { rows } = await client.query({ text: `fetch ${rowsAtOnce} from copying`, rowMode: 'array' })
    if (rows.length === 0) break
    for (const row of rows as (string | number | null | Buffer)[][]) insert.run(...row)
  }
  await client.query('commit')
}
