import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Execution, isOpen, isSuspect, neverAt } from '../../src/execution/execution.ts'
import { isTerminal } from '../../src/execution/machine.ts'
import { targetStates } from '../../src/execution/plan.ts'
import type { Changes, Pause } from '../../src/store/rows.ts'
import { archivedOf } from '../../src/store/sqlite/archive.ts'
import { executionColumns } from '../../src/store/sqlite/columns.ts'
import { effectOf, executionOf, type Row } from '../../src/store/sqlite/rows-of.ts'
import type { Replayed } from './replay.ts'
import type { Report } from './violation.ts'

const texts = {
  execution: `select ${executionColumns()} from executions where id = ?`,
  ids: 'select id from executions union select id from archives order by id',
  archive:
    'select id, tenant, input_hash, archived_at, document, sha256, state, n, head, fence from archives where id = ?',
  effects: 'select * from execution_effects where execution = ?',
  steps: 'select count(*) from execution_steps where execution = ?',
  logs: 'select seq, fence, line from execution_logs where execution = ? order by seq',
  signals: 'select name, seq, dedupe, taken_at from signals where execution = ? order by name, seq',
  spared: `select r.id from requests r join executions e on e.id = r.id
    where r.parent_id = ? and r.on_parent_cancel = 'cancel' and e.cancelled_at is null and e.state < 7`,
  outcome: 'select n, state, position, fingerprint from outcomes where id = ? order by n desc limit 1',
  targets: 'select idx, state from plan_steps where execution = ? order by idx',
  outcomes: 'select count(*) from outcomes where id = ?',
  ready: 'select id, queue, rank, available_at from ready',
  timers: 'select id, at, kind from timers',
  parked: 'select id, queue, rank, available_at, key from parked',
  pauses: 'select * from pauses',
  inTheWay: `select ready.id, ready.available_at, r.tenant, r.action, r.subject
from ready
join requests r on r.id = ready.id`,
  depth: `select key, tenant, ifnull((select count from depth d where d.queue = q.key and d.tenant = t.tenant), 0),
    (select count(*) from executions e where e.queue = q.key and e.tenant = t.tenant and e.state in (3, 6) and e.rank > -5000)
    from queues q, (select tenant from executions union select tenant from depth) t`,
  keys: `select count(*), count(distinct json_array(tenant, action, record_only, idem_key, generation)) from (
    select tenant, action, record_only, idem_key, generation from requests union all
    select tenant, action, record_only, idem_key, generation from archives) where idem_key is not null`,
} as const

export interface TablesPorts {
  readonly report: Report
  /** Whether one worker key is that of a process in which the other ran an action on its own. */
  readonly isCellOf: (cell: number, parent: number) => boolean
}

/** Reads the tables past the code under test, and holds what they say against the replayed log. */
export class Tables {
  readonly #db: DatabaseSync
  readonly #statements: Partial<Record<keyof typeof texts, StatementSync>> = {}
  readonly #report: Report

  readonly #isCellOf: TablesPorts['isCellOf']

  constructor(db: DatabaseSync, { report, isCellOf }: TablesPorts) {
    this.#db = db
    this.#isCellOf = isCellOf
    this.#report = report
  }

  #rows(name: keyof typeof texts, ...values: number[]): readonly Row[] {
    let statement = this.#statements[name]
    if (statement === undefined) {
      statement = this.#db.prepare(texts[name])
      statement.setReturnArrays(true)
      this.#statements[name] = statement
    }
    return statement.all(...values) as unknown as Row[]
  }

  ids(): number[] {
    return this.#rows('ids').map((row) => row[0] as number)
  }

  /** Log lines are numbered without a gap, and no line is there twice or under the fence of somebody overtaken. */
  #checkLog(id: number, at: string): void {
    let [fenceBefore, lineBefore] = [0, 0]
    for (const [index, row] of this.#rows('logs', id).entries()) {
      const [seq, fence, line] = row as readonly [number, number, number]
      const isNext = fence > fenceBefore || (fence === fenceBefore && line > lineBefore)
      if (seq !== index + 1 || !isNext) {
        this.#report(
          'I32',
          `${at}: log line ${seq} is line ${line} under fence ${fence}, behind ${lineBefore} under ${fenceBefore}`,
        )
      }
      fenceBefore = fence
      lineBefore = line
    }
  }

  /** The row, the ledger and the journal of one execution are what its events say. */
  check(told: Replayed): void {
    if (told.isArchived) {
      this.#checkArchived(told)
      return
    }
    const row = this.#rows('execution', told.id)[0]
    if (row === undefined) {
      this.#report('I18', `execution ${told.id} has events and no row`)
      return
    }
    const is = executionOf(row)
    const at = `execution ${told.id} (${is.state}, n ${is.n})`
    const same = (column: string, actual: unknown, expected: unknown): void => {
      if (actual !== expected) this.#report('I18', `${at}: ${column} is ${actual}, the log says ${expected}`)
    }
    same('state', is.state, told.state)
    same('n', is.n, told.n)
    same('head', is.head, told.head)
    same('fence', is.fence, told.fence)
    same('attempt', is.attempt, told.attempt)
    // A terminal row keeps the name of the worker that ended it.
    same('worker', is.worker, isTerminal(is.state) ? told.endedBy : told.holder)
    same('cancelled', is.cancelledAt !== null, told.cancelAsked)
    if (is.attempt > is.maxAttempts) this.#report('I19', `${at}: attempt ${is.attempt} of ${is.maxAttempts}`)
    if ((is.state === 'running' || (is.state === 'requested' && told.holder !== null)) !== (is.leaseUntil !== null)) {
      this.#report('I21', `${at}: holder ${is.worker}, lease until ${is.leaseUntil}`)
    }
    if (is.state === 'running' && is.leaseUntil !== null && is.leaseUntil <= (is.startedAt ?? 0)) {
      this.#report('I20', `${at}: the lease ends at ${is.leaseUntil}, not after ${is.startedAt}`)
    }
    if (isTerminal(is.state) !== (is.finishedAt !== null)) this.#report('I21', `${at}: finished at ${is.finishedAt}`)
    if ((is.state === 'waiting') !== (is.waitingFor !== null)) this.#report('I21', `${at}: waits for ${is.waitingFor}`)
    if (isTerminal(is.state) && is.ending !== null) this.#report('I21', `${at}: is still to end as ${is.ending}`)
    const effects = this.#rows('effects', told.id).map(effectOf)
    const steps = this.#rows('steps', told.id)[0]?.[0] as number
    same('number of effects', effects.length, told.effects.size)
    same('number of steps', steps, told.steps)
    const signals = this.#rows('signals', told.id)
    same('number of signals', signals.length, told.signals)
    if (is.journal !== effects.length + steps + signals.length + (told.plan ? 1 : 0)) {
      const counted = `${effects.length} effects, ${steps} steps and ${signals.length} signals`
      this.#report('I32', `${at}: journal ${is.journal}, counted ${counted}`)
    }
    this.#checkSignals(is, signals, at)
    const open = effects.filter(isOpen).length
    this.#checkLog(told.id, at)
    if (is.openEffects !== open) this.#report('I32', `${at}: open effects ${is.openEffects}, counted ${open}`)
    for (const effect of effects) {
      const said = told.effects.get(effect.effectKey)
      if (effect.state === 'intended' && (is.state !== 'running' || effect.fence !== is.fence)) {
        this.#report('effects', `${at}: effect ${effect.name} counts as under way, but its run is over`)
      }
      same(`effect ${effect.name}`, effect.state, said?.state)
      same(`intents of effect ${effect.name}`, effect.intents, said?.intents)
      same(`fence of effect ${effect.name}`, effect.fence, said?.fence)
      if (!this.#isCellOf(effect.worker, said?.worker ?? 0))
        same(`worker of effect ${effect.name}`, effect.worker, said?.worker)
    }
    this.#checkTargets(told, at)
    this.#checkOutcome(told, at)
  }

  /** What is put away is whole: its state, its ledger and its journal are what the events say, and its rows are gone. */
  #checkArchived(told: Replayed): void {
    const at = `archived execution ${told.id}`
    if (this.#rows('execution', told.id).length > 0) this.#report('I30', `${at} has a row beside its archive`)
    const row = this.#rows('archive', told.id)[0]
    const parts = row === undefined ? null : archivedOf(row).parts
    if (row === undefined || parts === null) {
      this.#report('I30', `${at} cannot be read`)
      return
    }
    const same = (what: string, actual: unknown, expected: unknown): void => {
      if (actual !== expected) this.#report('I30', `${at}: ${what} is ${actual}, the log says ${expected}`)
    }
    same('state', parts.execution.state, told.state)
    same('n', parts.execution.n, told.n)
    same('n of its entry', row[7], told.n)
    same('fence', parts.execution.fence, told.fence)
    same('number of steps', parts.steps.length, told.steps)
    same('number of effects', parts.effects.length, told.effects.size)
    for (const { effectKey, name, state } of parts.effects)
      same(`effect ${name}`, state, told.effects.get(effectKey)?.state)
  }

  #checkTargets(told: Replayed, at: string): void {
    const targets = new Map(
      this.#rows('targets', told.id).map((row) => [row[0] as number, targetStates[(row[1] as number) - 1]]),
    )
    for (const [idx, state] of told.targets) {
      if (targets.get(idx) !== state) this.#report('plans', `${at}: target ${idx} is ${targets.get(idx)}, not ${state}`)
    }
    for (const [idx, state] of targets) {
      const isUntold = state === 'pending' || state === 'skipped'
      if (!told.targets.has(idx) && !isUntold)
        this.#report('plans', `${at}: target ${idx} is ${state} without an event`)
    }
  }

  #checkOutcome(told: Replayed, at: string): void {
    let ends = 0
    let last: { n: number; position: number; state: string } | undefined
    for (const [index, event] of told.events.entries()) {
      const before = told.events[index - 1]
      if (isTerminal(event.to) && before !== undefined && !isTerminal(before.to)) {
        ends += 1
        last = { n: index + 1, position: event.position, state: event.to }
      }
    }
    if ((this.#rows('outcomes', told.id)[0]?.[0] as number) !== ends) this.#report('I18', `${at}: ended ${ends} times`)
    if (last === undefined) return
    const outcome = this.#rows('outcome', told.id)[0]
    if (outcome === undefined || outcome[0] !== last.n || outcome[2] !== last.position) {
      this.#report('I18', `${at}: the outcome is of event ${outcome?.[0]}, it ended with event ${last.n}`)
    }
    if ((last.state === 'succeeded') !== (outcome?.[3] !== null))
      this.#report('I18', `${at}: ${outcome?.[3]} as result`)
  }

  /** Signals are numbered without a gap, and nobody waits for one that is there. */
  #checkSignals(is: Execution, signals: readonly Row[], at: string): void {
    const names = is.waitingFor === 'signal' ? (is.waitingOn?.split(' ') ?? []) : []
    const counts = new Map<unknown, number>()
    for (const [name, seq, , takenAt] of signals) {
      const expected = counts.get(name) ?? 0
      if (seq !== expected) this.#report('I36', `${at}: signal ${name} ${seq} follows ${expected - 1}`)
      counts.set(name, expected + 1)
      if (takenAt === null && names.includes(name as string)) {
        this.#report('I36', `${at}: waits for ${name}, which is there as number ${seq}`)
      }
    }
  }

  /** In the commit that asks to cancel a parent, its children are asked to end, too. */
  checkChildren(parent: number): void {
    for (const [child] of this.#rows('spared', parent)) {
      this.#report('I37', `execution ${child} goes on although its parent ${parent} is to be cancelled`)
    }
  }

  /** Due, future and parked work stand where the rows say, each once, and nothing else does. */
  checkIndexes(ids: Iterable<number>): void {
    const found = new Map<number, string[]>()
    const add = (id: unknown, entry: string): void => {
      const entries = found.get(id as number)
      if (entries === undefined) found.set(id as number, [entry])
      else entries.push(entry)
    }
    // Work that ended may leave its entry among the due until a claim meets it; what is due has one that fits.
    const due = new Map<number, Set<string>>()
    for (const [id, queue, rank, at] of this.#rows('ready')) {
      due.set(id as number, (due.get(id as number) ?? new Set()).add(`${queue} ${rank} ${at}`))
    }
    for (const [id, queue, rank, at] of this.#rows('parked')) add(id, `${queue} ${rank} ${at}`)
    const deadlines = new Map<number, number[]>()
    const available = new Map<number, number>()
    for (const [id, at, kind] of this.#rows('timers')) {
      if (kind === 1) {
        add(id, `timer ${at}`)
        available.set(id as number, at as number)
      } else if (kind === 3) deadlines.set(id as number, [...(deadlines.get(id as number) ?? []), at as number])
      else if (kind === 2) add(id, `wake ${at}`)
    }
    for (const id of ids) {
      const row = this.#rows('execution', id)[0]
      if (row === undefined) continue
      const is = executionOf(row)
      const entries = found.get(id) ?? []
      found.delete(id)
      const isToPlan = is.state === 'requested' && is.leaseUntil === null
      const isClaimable = is.state === 'queued' || is.state === 'retryable_failed' || isToPlan
      // Suspects of a queue stand in a lane of their own.
      const lane = isSuspect(is) ? -is.queue : is.queue
      const place = `${lane} ${is.rank} ${is.availableAt}`
      if (isClaimable && due.get(id)?.has(place)) entries.push(place)
      const hasTime = is.waitingFor === 'timer' || (is.waitingFor === 'signal' && is.availableAt !== neverAt)
      const wanted = isClaimable ? [place, `timer ${is.availableAt}`] : hasTime ? [`wake ${is.availableAt}`] : []
      if (entries.length !== (isClaimable || hasTime ? 1 : 0) || !entries.every((entry) => wanted.includes(entry))) {
        const at = `execution ${id} (${is.state}, due ${is.availableAt})`
        this.#report('I32', `${at} stands in [${entries.join('; ')}] and belongs into ${wanted.join(' or ') || 'none'}`)
      }
    }
    for (const [id, entries] of found) this.#report('I32', `[${entries.join('; ')}] of an unknown execution ${id}`)
  }

  /** What stands in the way of work, for whoever reads why it did not go on. */
  dump(): string[] {
    return (['ready', 'timers', 'parked', 'pauses'] as const).map(
      (name) => `${name}: ${JSON.stringify(this.#rows(name))}`,
    )
  }

  /** A pause is lifted once nothing that was due by then stands where claims take it, but what is let go at once. */
  checkLifted({ pauses, releases, pauseIntervals, ready }: Changes): void {
    const letGo = new Set(ready.add.map(({ id }) => id))
    for (const { scope, value, tenant } of pauses.remove) {
      const isSame = (other: Pick<Pause, 'scope' | 'value' | 'tenant'>): boolean =>
        other.scope === scope && other.value === value && other.tenant === tenant
      if (pauses.add.some(isSame)) continue
      const since = releases.save.find(isSame)?.since ?? pauseIntervals.close.find(isSame)?.fromAt ?? 0
      for (const [id, availableAt, of, action, subject] of this.#rows('inTheWay')) {
        if (tenant !== null && tenant !== of) continue
        const held = { all: '', tenant: of, action, subject }[scope]
        if (held !== value || (availableAt as number) > since || letGo.has(id as number)) continue
        this.#report('I34', `the pause of ${scope} ${value} was lifted, and nothing paces execution ${id}`)
      }
    }
  }

  /** The depth of each queue is what a count of its waiting work gives. */
  checkDepth(): void {
    for (const [queue, tenant, depth, counted] of this.#rows('depth')) {
      if (depth !== counted) this.#report('I32', `queue ${queue} of ${tenant} has depth ${depth}, counted ${counted}`)
    }
  }

  /** Each key has one owner. */
  checkKeys(): void {
    const [all, distinct] = this.#rows('keys')[0] ?? []
    if (all !== distinct) this.#report('I6', `${all} requests hold ${distinct} keys`)
  }
}
