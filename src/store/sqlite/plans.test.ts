import type { DatabaseSync } from 'node:sqlite'
import { describe, expect, test } from 'vitest'
import { requestColumns } from './columns.ts'
import { openSqlite } from './open.ts'
import { type StatementName, statements } from './statements.ts'

/** What may read a whole table: tables that stay small, and figures that are taken over everything. */
const scansAllowed: { readonly [N in StatementName]?: readonly string[] } = {
  queues: ['queues'],
  quarantine: ['quarantine'],
  pauses: ['pauses'],
  depths: ['depth'],
  releases: ['releases'],
  bulks: ['bulks'],
  openBulks: ['bulks'],
  nextBulk: ['bulks'],
  workers: ['workers'],
  liveWorkers: ['workers'],
  leaders: ['leaders'],
  processes: ['processes'],
  forgetProcesses: ['processes'],
  tokens: ['tokens'],
  timeoutPolicies: ['timeout_policies'],
  limits: ['limits'],
  holders: ['execution_locks', 'permit_waiters'],
  listPermits: ['execution_locks'],
  countsByState: ['e', 'q'],
  failuresSince: ['e', 'q'],
  oldestReadyAtOf: ['ready'],
  listEffects: ['execution_effects'],
  listOpenEffects: ['execution_effects'],
  running: ['e'],
  anyArchive: ['archives'],
}

const statistics: readonly { readonly name: string; readonly prepare: (db: DatabaseSync) => void }[] = [
  { name: 'no statistics', prepare: () => undefined },
  {
    name: 'fresh statistics of full tables',
    prepare(db) {
      fill(db, 3_000)
      db.exec('analyze')
    },
  },
  {
    name: 'stale statistics of empty tables',
    prepare(db) {
      fill(db, 3)
      db.exec('analyze')
      fill(db, 3_000)
    },
  },
]

describe.each(statistics)('with $name', ({ prepare }) => {
  const { raw } = openSqlite({ path: ':memory:' })
  prepare(raw)
  raw.exec('analyze sqlite_schema')

  test.each((Object.keys(statements) as StatementName[]).map((name) => ({ name })))(
    '$name reads through an index',
    ({ name }) => {
      const text = statements[name]
      if (!/^(select|update|delete)/.test(text)) return
      const scans = plan(raw, text)
        .map((line) => /^SCAN (\w+)/.exec(line)?.[1])
        .filter((table) => table !== undefined && table !== 'json_each' && table !== 'CONSTANT')
        .filter((table) => !scansAllowed[name]?.includes(table ?? ''))
      expect({ scans, plan: scans.length > 0 ? plan(raw, text) : [] }).toEqual({ scans: [], plan: [] })
    },
  )

  test.each([
    'ready',
    'dueTimers',
    'expiredLeases',
    'heldBy',
    'parked',
    'nextReadyRank',
    'readyOfRank',
    'nextParkedRank',
    'parkedOfRank',
    'firstTurn',
    'newestTurn',
    'permits',
    'waiters',
    'dueRates',
    'list',
    'listBySubject',
    'logAfter',
    'steps',
  ] as const)('%s is not sorted after it was read', (name) => {
    expect(plan(raw, statements[name]).filter((line) => /TEMP B-TREE/.test(line))).toEqual([])
  })
})

/** `ready`, `dueTimers` and `logAfter` walk an index from a bound on; SQLite calls that SEARCH, and SCAN without a bound. */
function plan(db: DatabaseSync, text: string): readonly string[] {
  return db
    .prepare(`explain query plan ${text}`)
    .all()
    .map(({ detail }) => String(detail))
}

let filled = 0

function fill(db: DatabaseSync, rows: number): void {
  const first = filled + 1
  filled += rows
  db.exec(`
    insert or ignore into queues (key, action, version) values (1, 'quote.render', 1);
    with recursive ids (id) as (select ${first} union all select id + 1 from ids where id < ${filled})
    insert into requests (${requestColumns()})
    select id, 'p' || id, 'acme', 'quote.render', 1, 's' || id, 'k' || id, 1, 0, '{}', 'h', 's', 't', 'p', 1, 0, 's', 'c', 1, null, id, 1, 0, null, null, null
    from ids;
    insert into executions (id, tenant, queue, state, n, max_attempts, head, rank, available_at, updated_at)
    select id, 'acme', 1, 3, 1, 3, id, 0, 1, 1 from requests where id >= ${first};
    insert into ready select 1, 0, id, id, 1, 0 from requests where id >= ${first};
    insert into timers select id, 1, id from requests where id >= ${first};
    insert into parked select 'lock', 0, id, id, 1, 1, 0 from requests where id >= ${first};
    insert into turns select 1, 0, 't' || id, id from requests where id >= ${first};
    insert into execution_locks select 'acme', 'lock' || id, 0, id, 1, null, 1, 0 from requests where id >= ${first};
    insert into permit_waiters select 'acme', 'lock', 0, id, 1, id, 1, 'run' from requests where id >= ${first};
    insert into rate_limits select 'acme', 'rate' || id, 1, null from requests where id >= ${first};
  `)
  for (let id = first; id <= filled; id += 1) {
    db.exec(
      `insert into log select ifnull(max(position), 0) + 1, 'acme', 2, null, 3, 'p', null, 1, '[${id}]', '[1]', null, null from log`,
    )
  }
}
