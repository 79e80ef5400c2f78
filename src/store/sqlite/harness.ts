import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { Harness, Opened, Shell } from '../contract/harness.ts'
import { type OpenedSqlite, openSqlite } from './open.ts'
import type { Statements } from './statements.ts'

/** The SQLite store as the contract suite opens it. `statements` takes single statements apart. */
export function memoryHarness(statements?: Partial<Statements>): Harness {
  return {
    async open() {
      const store = openSqlite({ path: ':memory:', statements })
      return { ...doors(store), shell: shellOf(store.raw), close: async () => store.close() }
    },
  }
}

export function fileHarness(statements?: Partial<Statements>): Harness {
  return {
    async open() {
      const folder = mkdtempSync(join(tmpdir(), 'pawl-store-'))
      return openIn(folder, statements)
    },
  }
}

function openIn(folder: string, statements?: Partial<Statements>): Opened {
  const path = join(folder, 'pawl.db')
  const store = openSqlite({ path, statements })
  // A connection of its own with SQLite's defaults: what a database shell has.
  const raw = new DatabaseSync(path, { enableForeignKeyConstraints: false })
  const close = (): void => {
    if (raw.isOpen) raw.close()
    store.close()
  }
  return {
    ...doors(store),
    shell: shellOf(raw),
    async close() {
      close()
      rmSync(folder, { recursive: true, force: true })
    },
    async reopen() {
      close()
      return openIn(folder, statements)
    },
  }
}

const doors = (store: OpenedSqlite): Pick<Opened, 'session' | 'views'> => ({
  session: store.session,
  views: () => store.views(),
})

function shellOf(db: DatabaseSync): Shell {
  return {
    run: async (sql) => db.exec(sql),
    rows: async (sql) => db.prepare(sql).all(),
  }
}
