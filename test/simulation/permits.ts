import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { OrderOf } from '../../src/commit/order.ts'
import { type Needs, readNeeds } from '../../src/execution/permit.ts'
import type { Changes } from '../../src/store/rows.ts'
import { holdMs } from './script.ts'
import { type InLine, Turns } from './turns.ts'
import type { Report } from './violation.ts'

const texts = {
  permits: 'select tenant, key, slot, execution, fence, step, granted from execution_locks',
  parked: 'select key, rank, turn, id, available_at from parked order by key, rank, turn, id',
  execution: 'select state, fence, hold_until, rank from executions where id = ?',
  request: 'select permits, tenant from requests where id = ?',
  limits: 'select tenant, key, capacity from limits',
  rates: 'select tenant, key, wake_at from rate_limits where wake_at is not null',
  timers: 'select id, at, kind from timers where kind in (4, 6)',
  waiters: 'select tenant, key, rank, since, execution, fence, step from permit_waiters',
  holds: 'select id, hold_until from executions where state = 5 and hold_until is not null',
} as const

const running = 4
const waiting = 5
const claimable: readonly unknown[] = [3, 6]

export const permitKinds = [
  'permit granted',
  'permit taken',
  'parked on a lock',
  'parked on a rate',
  'limit set',
  'permit broken',
  'permit of a step granted',
  'permit of a step taken',
  'step in line',
  'refusal permit_deadlock',
  'refusal invalid_permits',
  'permits kept through a wait',
  'permits given back before the wait was over',
] as const

/** Holds the rows of permits against the executions, past the code under test. */
export class PermitTables {
  readonly #db: DatabaseSync
  readonly #report: Report
  readonly #count: (name: string) => void
  readonly #statements: Partial<Record<keyof typeof texts, StatementSync>> = {}
  readonly #needs = new Map<number, Needs | null>()
  readonly #turns: Turns
  #holders = new Set<string>()
  #holds = new Map<unknown, unknown>()
  #lines = new Map<string, readonly InLine[]>()
  #limits: ReadonlyMap<string, number> = new Map()
  /** Who asked when, counted here and not by what is tested. */
  readonly #arrivals = new Map<string, number>()
  #arrived = 0

  constructor(db: DatabaseSync, report: Report, count: (name: string) => void) {
    this.#db = db
    this.#report = report
    this.#count = count
    this.#turns = new Turns((kind) => count(`lock ${kind}`))
  }

  /** A writer that starts anew has forgotten how many passed whom. */
  restarted(): void {
    this.#turns.forget()
  }

  /** After every commit, with the limits that it may have set and set anew. */
  check(changes: Changes, ordered: readonly OrderOf<'limit'>[]): void {
    const at = changes.log.at(-1)?.at
    const limits = new Map(
      this.#rows('limits').map(([tenant, key, capacity]) => [nameOf(tenant, key), capacity as number]),
    )
    this.#arrive(changes)
    const lines = this.#readLines()
    const held = this.#checkPermits(changes, limits, ordered, lines)
    this.#limits = limits
    this.#lines = lines
    this.#checkLines(held)
    this.#checkTimers(at)
    for (const { key } of changes.parked.add)
      this.#count(key.startsWith('rate:') ? 'parked on a rate' : `parked on a ${key.slice(0, 4)}`)
    for (const { granted, step } of changes.permits.add)
      this.#count(`permit ${step === null ? '' : 'of a step '}${granted ? 'granted' : 'taken'}`)
    if (changes.waiters.add.length > 0) this.#count('step in line')
    if (changes.limits.add.length > 0) this.#count('limit set')
    for (const { type } of changes.log) if (type === 'permit_broken') this.#count('permit broken')
  }

  #checkPermits(
    { permits, parked }: Changes,
    limits: ReadonlyMap<string, number>,
    ordered: readonly OrderOf<'limit'>[],
    lines: ReadonlyMap<string, readonly InLine[]>,
  ): Map<string, Set<number>> {
    const held = new Map<string, Set<number>>()
    const holders = new Set<string>()
    for (const [tenant, key, slot, id, fence, step, granted] of this.#rows('permits')) {
      const name = nameOf(tenant, key)
      held.set(name, (held.get(name) ?? new Set()).add(slot as number))
      holders.add(`${name} ${id}`)
      const [state, now, holdUntil] = this.#rows('execution', id as number)[0] ?? []
      const at = `permit ${name} of execution ${id} (state ${state})`
      const isAlive =
        granted === 0
          ? state === running && fence === now
          : claimable.includes(state) ||
            (state === waiting && holdUntil !== null) ||
            (state === running && step !== null)
      if (!isAlive) this.#report('I14', `${at} outlived its lease: fence ${fence}, now ${now}, reserved ${granted}`)
      if (step === null && this.#capacity(id as number, name) === undefined)
        this.#report('I14', `${at} was never needed`)
    }
    // One commit wakes several of a line, in the order in which they left it.
    const woken = new Map(parked.remove.map((id, index) => [id, index]))
    const inOrder = [...permits.add].sort((a, b) => (woken.get(a.execution) ?? -1) - (woken.get(b.execution) ?? -1))
    for (const [index, { tenant, key, execution: id, step }] of inOrder.entries()) {
      const name = nameOf(tenant, key)
      if (this.#holders.has(`${name} ${id}`) || !holders.has(`${name} ${id}`)) continue
      const declared = step === null ? (this.#capacity(id, name) ?? 0) : 1
      // All of them: what was raised and lowered in this very commit may have been so before, between or after.
      const between = ordered.filter((order) => nameOf(order.tenant, order.key) === name)
      const stood = [this.#limits.get(name), limits.get(name), ...between.map((order) => order.capacity ?? undefined)]
      const capacity = Math.max(...stood.map((limit) => limit ?? declared))
      const count = held.get(name)?.size ?? 0
      if (count > capacity) this.#report('I15', `execution ${id} got ${name}, which ${count} hold and ${capacity} may`)
      const given = (some: typeof inOrder): Set<number> =>
        new Set(some.filter((one) => nameOf(one.tenant, one.key) === name).map((one) => one.execution))
      const later = given(inOrder.slice(index + 1).filter((one) => woken.has(one.execution)))
      this.#checkOrder(name, id, step, lines, given(inOrder), later)
    }
    for (const [name, limit] of limits) if ((held.get(name)?.size ?? 0) > limit) this.#count('limit below what is held')
    this.#holders = holders
    return held
  }

  /** Whoever got a permit was next. */
  #checkOrder(
    name: string,
    id: number,
    step: string | null,
    lines: ReadonlyMap<string, readonly InLine[]>,
    given: ReadonlySet<number>,
    later: ReadonlySet<number>,
  ): void {
    const before = this.#lines.get(`lock:${name}`) ?? []
    const after = lines.get(`lock:${name}`) ?? []
    // Whoever comes from another line took it when it was its turn there, which says nothing about the turns here.
    const stood = before.some((one) => one.id === id)
    const stays = (one: InLine): boolean => (stood && later.has(one.id)) || after.some((other) => isSame(one, other))
    const left = before.filter((one) => one.id !== id && stays(one))
    // Who is paused or ends in the same commit was still passed, or not any more: nobody knows, so nothing is judged.
    if (before.some((one) => !given.has(one.id) && !left.includes(one))) {
      this.#turns.forgetLine(name)
      return
    }
    const rank = pseudoRank(Number(this.#rows('execution', id)[0]?.[3]), step !== null)
    const never = Number.MAX_SAFE_INTEGER
    const place = before.find((one) => one.id === id && one.rank === rank) ?? {
      id,
      rank,
      turn: never,
      since: never,
      line: Number(step !== null),
    }
    const wrong = this.#turns.take(name, place, left)
    if (wrong !== null) this.#report('I16', `${name}: ${wrong}`)
  }

  /** Everybody who stands in line, by what for: whole executions that are parked, and steps of those that run. */
  #readLines(): Map<string, InLine[]> {
    const lines = new Map<string, InLine[]>()
    const add = (key: string, entry: InLine): void => {
      const line = lines.get(key)
      if (line === undefined) lines.set(key, [entry])
      else line.push(entry)
    }
    for (const [key, rank, turn, id, at] of this.#rows('parked') as readonly (readonly [
      string,
      number,
      number,
      number,
      number,
    ])[])
      add(key, { id, rank: pseudoRank(rank, false), turn, since: at, line: 0 })
    for (const [tenant, key, rank, since, id, fence, step] of this.#rows('waiters')) {
      const [state, now] = this.#rows('execution', id as number)[0] ?? []
      if (state !== running || fence !== now)
        this.#report(
          'I14',
          `step ${step} of execution ${id} (state ${state}) stands in line under fence ${fence}, now ${now}`,
        )
      const at = since as number
      add(`lock:${nameOf(tenant, key)}`, {
        id: id as number,
        rank: pseudoRank(rank as number, true),
        turn: this.#arrivals.get(placeOf(tenant, key, id, step)) ?? Number.MAX_SAFE_INTEGER,
        since: at,
        line: 1,
      })
    }
    return lines
  }

  /** In the order of the orders of a commit, which is the order in which its writer heard them. */
  #arrive({ waiters }: Changes): void {
    for (const { tenant, key, execution, step } of waiters.remove)
      this.#arrivals.delete(placeOf(tenant, key, execution, step))
    for (const { tenant, key, execution, step } of waiters.add) {
      this.#arrived += 1
      this.#arrivals.set(placeOf(tenant, key, execution, step), this.#arrived)
    }
  }

  /** While somebody waits, nothing is free. */
  #checkLines(held: ReadonlyMap<string, ReadonlySet<number>>): void {
    for (const [key, line] of this.#lines) {
      if (!key.startsWith('lock:')) continue
      const name = key.slice('lock:'.length)
      for (const { id, rank } of line) {
        const declared = isStep(rank) ? 1 : this.#capacity(id, name)
        const capacity = declared === undefined ? undefined : (this.#limits.get(name) ?? declared)
        if (capacity === undefined) this.#report('I16', `execution ${id} is parked on ${name}, which it does not need`)
        else if ((held.get(name)?.size ?? 0) < capacity)
          this.#report('I16', `${held.get(name)?.size ?? 0} of ${capacity} hold ${name}, and ${id} waits for it`)
      }
    }
  }

  /** Whoever waits for a rate is woken by a timer; what is kept through a wait is given back by one. */
  #checkTimers(at: number | undefined): void {
    const timers = this.#rows('timers')
    const rates = new Map(this.#rows('rates').map(([tenant, key, wakeAt]) => [nameOf(tenant, key), wakeAt]))
    for (const key of this.#lines.keys()) {
      if (!key.startsWith('rate:')) continue
      const wakeAt = rates.get(key.slice('rate:'.length))
      const isTimed = timers.some(([, due, kind]) => kind === 4 && due === wakeAt)
      if (wakeAt === undefined || !isTimed) this.#report('I16', `nothing wakes what is parked on ${key}`)
    }
    const holds = new Map<unknown, unknown>()
    for (const [id, until] of this.#rows('holds')) {
      holds.set(id, until)
      const isNew = this.#holds.get(id) !== until
      if (isNew) this.#count('permits kept through a wait')
      if (!timers.some(([whose, due, kind]) => kind === 6 && whose === id && due === until))
        this.#report('I14', `nothing ends the time for which execution ${id} keeps its permits`)
      if (at === undefined) continue
      if ((until as number) <= at)
        this.#report('I14', `execution ${id} keeps its permits at ${at}, and may until ${until}`)
      if (isNew && (until as number) !== at + holdMs)
        this.#report('I14', `execution ${id} may keep its permits until ${until}`)
    }
    for (const id of this.#holds.keys())
      if (!holds.has(id) && this.#rows('execution', id as number)[0]?.[0] === waiting)
        this.#count('permits given back before the wait was over')
    this.#holds = holds
  }

  #capacity(id: number, name: string): number | undefined {
    let needs = this.#needs.get(id)
    const [text, tenant] = needs === undefined ? (this.#rows('request', id)[0] ?? []) : []
    if (needs === undefined) {
      needs = typeof text === 'string' ? readNeeds(text) : null
      this.#needs.set(id, needs)
      if (needs !== null) this.#tenants.set(id, tenant as string)
    }
    const of = this.#tenants.get(id)
    return needs?.permits.find(({ key, shared }) => nameOf(shared ? '' : of, key) === name)?.capacity
  }

  readonly #tenants = new Map<number, string>()

  #rows(name: keyof typeof texts, ...values: number[]): readonly (readonly unknown[])[] {
    let statement = this.#statements[name]
    if (statement === undefined) {
      statement = this.#db.prepare(texts[name])
      statement.setReturnArrays(true)
      this.#statements[name] = statement
    }
    return statement.all(...values) as unknown as unknown[][]
  }
}

/** Steps stand before whole executions of the same rank. */
const pseudoRank = (rank: number, ofStep: boolean): number => 2 * rank + (ofStep ? 0 : 1)
const isStep = (rank: number): boolean => rank % 2 === 0

const isSame = (one: InLine, other: InLine): boolean =>
  one.id === other.id && one.rank === other.rank && one.turn === other.turn

const placeOf = (tenant: unknown, key: unknown, execution: unknown, step: unknown): string =>
  JSON.stringify([tenant, key, execution, step])

const nameOf = (tenant: unknown, key: unknown): string => JSON.stringify([tenant, key])
