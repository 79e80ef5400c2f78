import type { DatabaseSync } from 'node:sqlite'
import { pauseKey } from '../../src/claim/select.ts'
import type { Answer, OrderKind, OrderOf } from '../../src/commit/order.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import type { Execution } from '../../src/execution/execution.ts'
import type { Changes } from '../../src/store/rows.ts'
import type { SqliteViews } from '../../src/store/sqlite/views.ts'
import { checkCommit } from './committed.ts'
import { BulkTables, Policies } from './many.ts'
import { PermitTables } from './permits.ts'
import { QueueTurns } from './queue-turns.ts'
import { Replay } from './replay.ts'
import { Tables, type TablesPorts } from './tables.ts'
import type { Report } from './violation.ts'

export interface ChecksPorts {
  readonly db: DatabaseSync
  readonly views: SqliteViews
  readonly report: Report
  readonly count: (name: string) => void
  readonly isDead: (worker: number) => boolean
  readonly isCellOf: TablesPorts['isCellOf']
}

/** All that must hold after every commit and at every answer. */
export class Checks {
  readonly replay: Replay
  readonly tables: Tables
  readonly #ports: ChecksPorts
  readonly #permits: PermitTables
  readonly #bulks: BulkTables
  readonly #policies: Policies
  readonly #queues: QueueTurns
  /** The process behind each effect that is under way: an isolated run has one of its own. */
  readonly #processes = new Map<string, number>()

  constructor(ports: ChecksPorts) {
    const { db, views, report, count } = ports
    this.#ports = ports
    this.replay = new Replay({
      report,
      isGone: (worker, effectKey) => ports.isDead(this.#processes.get(effectKey) ?? worker),
      count,
    })
    this.tables = new Tables(db, ports)
    this.#permits = new PermitTables(db, report, count)
    this.#bulks = new BulkTables(db, report)
    this.#policies = new Policies(views.timeoutPolicies(), report)
    this.#queues = new QueueTurns(report, count)
  }

  /** The writer starts anew: what it kept in memory alone is forgotten. */
  restarted(): void {
    this.#permits.restarted()
    this.#queues.restarted()
  }

  committed(changes: Changes, limits: readonly OrderOf<'limit'>[]): void {
    // Behind the events of this commit: what they say of an effect is about the process before.
    for (const row of changes.log) this.replay.takeRow(row)
    for (const { effectKey, worker } of changes.effects) this.#processes.set(effectKey, worker)
    checkCommit(changes, this.replay, this.tables, this.#ports.report)
    this.#permits.check(changes, limits)
    this.#bulks.check(changes)
    this.#policies.check(changes)
    this.tables.checkDepth()
    this.tables.checkLifted(changes)
    for (const { was, is } of changes.updates) {
      if (was.cancelledAt === null && is.cancelledAt !== null) this.tables.checkChildren(is.id)
    }
    const pauses = this.#ports.views.pauses()
    this.#queues.check(changes, pauses.length > 0 || changes.pauses.add.length + changes.pauses.remove.length > 0)
    if (pauses.length > 0) {
      for (const { was, is } of changes.updates) {
        if (was.state !== 'running' && is.state === 'running') this.#checkPaused(is, pauses)
      }
    }
  }

  #checkPaused(claimed: Execution, pauses: ReturnType<SqliteViews['pauses']>): void {
    const request = this.#ports.views.find(claimed.id)?.request
    if (request === undefined) return
    const ending = new Set(this.#ports.views.releases().map(({ key }) => key))
    for (const pause of pauses) {
      // Its end was ordered: it looks for what was due by then, and what became due later is free.
      if (ending.has(pauseKey(pause))) continue
      const { scope, value, tenant } = pause
      const held = { all: '', tenant: request.tenant, action: request.action, subject: request.subject }[scope]
      if ((tenant === null || tenant === request.tenant) && held === value) {
        this.#ports.report('I34', `execution ${claimed.id} was claimed although ${scope} ${value} is paused`)
      }
    }
  }

  /** Whoever is answered is told what is stored already: nothing is acknowledged before its commit. */
  answered(order: OrderOf<OrderKind>, answer: Answer): void {
    if (isRefusal(answer)) this.#ports.count(`refusal ${answer.code}`)
    else if (Array.isArray(answer))
      for (const { execution } of answer) this.#checkStored(execution as Execution, order.kind)
    else if ('execution' in answer) this.#checkStored(answer.execution, order.kind)
    else if ('fence' in answer) this.#checkStored(answer, order.kind)
  }

  #checkStored({ id, n, state, head }: Execution, kind: string): void {
    const event = this.replay.executions.get(id)?.events[n - 1]
    if (event === undefined || event.to !== state || event.position !== head) {
      this.#ports.report(
        'I31',
        `${kind} was answered with event ${n} (${state}) of execution ${id}, which is not stored`,
      )
    }
  }
}
