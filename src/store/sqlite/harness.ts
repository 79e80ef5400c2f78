import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type OpenedSqlite, openSqlite } from './open.ts'
import type { SqliteSession } from './session.ts'
import type { Statements } from './statements.ts'
import type { SqliteViews } from './views.ts'

/** A store as the contract suite wants it: it asks for this shape, and knows nothing of SQLite. */
interface OpenedForTest {
  readonly session: SqliteSession
  readonly views: () => SqliteViews
  readonly shell: Shell
  readonly close: () => Promise<void>
  readonly reopen?: () => Promise<OpenedForTest>
}

interface Shell {
  readonly run: (sql: string) => Promise<void>
  readonly rows: (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>
}

interface StoreHarness {
  readonly open: () => Promise<OpenedForTest>
}

/** Opens an empty store in memory each time. `statements` takes single statements apart. */
export function memoryHarness(statements?: Partial<Statements>): StoreHarness {
  return { open: async () => openedForTest(openSqlite({ path: ':memory:', statements })) }
}

/** Opens an empty store in a file each time, with a shell on a connection of its own. */
export function fileHarness(statements?: Partial<Statements>): StoreHarness {
  return { open: async () => openIn(mkdtempSync(join(tmpdir(), 'pawl-store-')), statements) }
}

export function openedForTest(store: OpenedSqlite, shell: DatabaseSync = store.raw): OpenedForTest {
  return {
    session: store.session,
    views: () => store.views(),
    shell: {
      run: async (sql) => shell.exec(sql),
      rows: async (sql) => shell.prepare(sql).all(),
    },
    close: async () => store.close(),
  }
}

function openIn(folder: string, statements?: Partial<Statements>): OpenedForTest {
  const path = join(folder, 'pawl.db')
  const store = openSqlite({ path, statements })
  // SQLite's own defaults, which check no foreign keys: what a database shell has.
  const raw = new DatabaseSync(path, { enableForeignKeyConstraints: false })
  const close = (): void => {
    if (raw.isOpen) raw.close()
    store.close()
  }
  return {
    ...openedForTest(store, raw),
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
