import { copyFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '../../src/store/sqlite/open.ts'
import { check, type Evidence } from './checks.ts'
import type { Applied, Arrival, Entry } from './record.ts'

/** A defect planted into good evidence, and a part of the promise that must be found broken. */
interface Plant {
  readonly defect: string
  readonly breaks: string
  readonly into: (evidence: Evidence, db: DatabaseSync) => Partial<Evidence>
}

const applied = (entries: readonly Entry[], name: string): Applied => {
  const found = entries.find((entry): entry is Applied => entry.type === 'applied' && entry.name === name)
  if (found === undefined) throw new Error(`no ${name} effect was applied, so nothing can be planted`)
  return found
}

const arrival = (entries: readonly Entry[], name: string): Arrival => {
  const found = entries.find((entry): entry is Arrival => entry.type === 'arrival' && entry.name === name)
  if (found === undefined) throw new Error(`no ${name} request arrived, so nothing can be planted`)
  return found
}

const plants: readonly Plant[] = [
  ...['keyed', 'fenced', 'opaque'].map((name) => ({
    defect: `a second application of a ${name} effect`,
    breaks: `${name} effect is applied`,
    into: ({ entries }: Evidence) => ({ entries: [...entries, applied(entries, name)] }),
  })),
  {
    defect: 'a second call of an opaque effect without a "no"',
    breaks: 'an opaque effect',
    into: ({ entries }) => {
      const first = arrival(entries, 'opaque')
      return { entries: [...entries, { ...first, fence: first.fence + 1_000_000 }] }
    },
  },
  {
    defect: 'a request under a fence that intended nothing',
    breaks: 'every request',
    into: ({ entries }) => {
      const stray = arrival(entries, 'keyed')
      return { entries: entries.map((entry) => (entry === stray ? { ...stray, fence: stray.fence + 1 } : entry)) }
    },
  },
  {
    defect: 'a request that came before its intent',
    breaks: 'every request',
    into: ({ entries }) => {
      const early = arrival(entries, 'fenced')
      return { entries: entries.map((entry) => (entry === early ? { ...early, isIntended: false } : entry)) }
    },
  },
  {
    defect: 'an effect on record that the target never saw',
    breaks: 'a keyed effect',
    into: ({ entries }) => {
      const { effectKey } = applied(entries, 'keyed')
      return { entries: entries.filter((entry) => entry.effectKey !== effectKey) }
    },
  },
  {
    defect: 'an acknowledged submit that is not on record',
    breaks: 'every acknowledged submit',
    into: ({ acknowledged }) => ({
      acknowledged: new Map([...acknowledged, ['never-stored', { publicId: 'gone', id: 0 }]]),
    }),
  },
  {
    defect: 'a lease taken from a worker to which nothing had happened',
    breaks: 'lost work goes on',
    into: () => ({ strokes: [] }),
  },
  {
    defect: 'lost work claimed an hour late',
    breaks: 'lost work goes on',
    into: (_, db) => {
      db.exec(`drop trigger log_no_update;
        update log set at = at + 3600000
        where type = 10 and position > (select min(position) from log where type = 19 and to_state = 6)`)
      return {}
    },
  },
  {
    defect: 'a row that says another attempt than its events',
    breaks: 'every event is legal',
    into: (_, db) => {
      db.exec('update executions set attempt = attempt + 1 where id = (select min(id) from executions)')
      return {}
    },
  },
  {
    defect: 'a recovered execution that does not say what happened to it',
    breaks: 'a recovered execution tells',
    into: (_, db) => {
      db.exec('update executions set last_error_class = null')
      return {}
    },
  },
  {
    defect: 'an event taken out of the log',
    breaks: 'every event is legal',
    into: (_, db) => {
      db.exec('drop trigger log_no_delete; delete from log where position = (select max(position) / 2 from log)')
      return {}
    },
  },
  {
    defect: 'a write of a worker that did not hold the lease',
    breaks: 'every event is legal',
    into: (_, db) => {
      db.exec(`insert into log
        select (select max(position) + 1 from log), tenant, 48, state, state, 'worker:late', 1, updated_at,
          json_array(id), json_array(n + 1), json_array(head), null
        from executions where id = (select min(id) from executions);
        update executions set n = n + 1, head = (select max(position) from log)
        where id = (select min(id) from executions)`)
      return {}
    },
  },
]

/** Plants each defect into a copy of good evidence; gives the number of plants, and those that nobody noticed. */
export function plantAll(evidence: Evidence, path: string): { readonly count: number; readonly unnoticed: string[] } {
  const unnoticed: string[] = []
  for (const { defect, breaks, into } of plants) {
    const copy = `${path}.planted`
    copyFileSync(path, copy)
    const db = new DatabaseSync(copy, { enableForeignKeyConstraints: false })
    const changed = into(evidence, db)
    db.close()
    const opened = openSqlite({ path: copy, readOnly: true })
    const { checks } = check({ ...evidence, ...changed, opened })
    opened.close()
    const isNoticed = checks.some(({ promise, complaints }) => promise.includes(breaks) && complaints.length > 0)
    if (!isNoticed) unnoticed.push(`${defect} was not noticed`)
  }
  return { count: plants.length, unnoticed }
}
