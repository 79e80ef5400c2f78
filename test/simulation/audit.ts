import { isTerminal } from '../../src/execution/machine.ts'
import type { SqliteViews } from '../../src/store/sqlite/views.ts'
import { Replay, type Replayed } from './replay.ts'
import type { Tables } from './tables.ts'
import type { Report } from './violation.ts'

export interface AuditPorts {
  readonly views: SqliteViews
  readonly tables: Tables
  readonly report: Report
  /** The executions that were committed, by key and public id. */
  readonly committed: readonly { readonly key: number; readonly id: string }[]
  /** Public ids whose admission was acknowledged. */
  readonly acknowledged: ReadonlySet<string>
  readonly told: (publicId: string) => Replayed | undefined
}

/** From the tables alone, as somebody would who comes afterwards. */
export function audit({ views, tables, report, committed, acknowledged, told: toldOf }: AuditPorts): void {
  // Whose process of an isolated run it was, the log alone does not tell.
  const workers = views.workers()
  const parents = new Set(workers.flatMap(({ identity }) => identity.split('/').slice(0, -1)))
  const gone = new Set(
    workers.flatMap(({ key, goneAt, identity }) => (goneAt === null && !parents.has(identity) ? [] : [key])),
  )
  const replay = new Replay({ report, isGone: (worker) => gone.has(worker) })
  for (const row of views.log(0, 100_000)) replay.takeRow(row)
  const ids = tables.ids()
  for (const id of ids) {
    const told = replay.executions.get(id)
    if (told === undefined) report('I18', `execution ${id} has no events`)
    else tables.check(told)
    const events = views.events(id, 0, 100_000)
    const isWhole = events.every(({ n, position }, index) => {
      return n === index + 1 && position === told?.events[index]?.position
    })
    if (!isWhole || events.length !== told?.n) report('I17', `the history of execution ${id} is not whole`)
    checkForgottenParent(id, views, report, toldOf)
  }
  tables.checkIndexes(replay.executions.keys())
  tables.checkKeys()
  const known = new Set(ids)
  const stored = new Set(committed.map(({ id }) => id))
  for (const { key } of committed) if (!known.has(key)) report('I31', `execution ${key} was lost`)
  for (const id of acknowledged) if (!stored.has(id)) report('I31', `${id} was acknowledged and is lost`)
  if (known.size !== stored.size) report('I18', `${known.size} executions, ${stored.size} were committed`)
  for (const { key, state } of views.openBulks()) {
    if (state === 'running') report('bulk', `bulk command ${key} was left undone`)
  }
}

/** Nobody waits for a child that has ended. */
function checkForgottenParent(id: number, views: SqliteViews, report: Report, toldOf: AuditPorts['told']): void {
  const waitingOn = views.find(id)?.execution.waitingOn ?? ''
  for (const name of waitingOn.split(' ').filter((each) => each.startsWith('child:'))) {
    const child = toldOf(name.slice('child:'.length))
    if (child === undefined || isTerminal(child.state)) {
      report('I37', `execution ${id} waits for ${name}, which is ${child?.state ?? 'unknown'}`)
    }
  }
}
