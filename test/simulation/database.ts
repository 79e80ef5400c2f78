import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '../../src/store/sqlite/open.ts'

let template: Uint8Array | undefined

/** A migrated database of its own for one world, copied from a template: migrating each time would cost most of a seed. */
export function freshDatabase(): DatabaseSync {
  if (template === undefined) {
    const opened = openSqlite({ path: ':memory:' })
    template = opened.raw.serialize()
    opened.close()
  }
  const db = new DatabaseSync(':memory:')
  db.deserialize(template)
  db.exec('pragma foreign_keys = on')
  return db
}
