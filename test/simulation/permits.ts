import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { type Needs, readNeeds } from '../../src/execution/permit.ts'
import type { Changes } from '../../src/store/rows.ts'
import type { Report } from './violation.ts'

const texts = {
  permits: 'select tenant, key, slot, execution, fence, step, granted from execution_locks',
  parked: 'select key, rank, turn, id from parked order by key, rank, turn, id',
  execution: 'select state, fence, hold_until, tenant from executions where id = ?',
  request: 'select permits, tenant from requests where id = ?',
  limits: 'select tenant, key, capacity from limits',
  rates: 'select tenant, key, wake_at from rate_limits where wake_at is not null',
  timers: 'select at from timers where kind = 4',
} as const

const running = 4
const waiting = 5
const claimable: readonly unknown[] = [3, 6]

interface InLine {
  readonly rank: number
  readonly turn: number
  readonly id: number
}

export const permitKinds = [
  'permit granted',
  'permit taken',
  'parked on a lock',
  'parked on a rate',
  'limit set',
  'permit broken',
] as const

/** Holds the rows of permits against the executions, past the code under test. */
export class PermitTables {
  readonly #db: DatabaseSync
  readonly #report: Report
  readonly #count: (name: string) => void
  readonly #statements: Partial<Record<keyof typeof texts, StatementSync>> = {}
  readonly #needs = new Map<number, Needs | null>()
  #holders = new Set<string>()
  #lines = new Map<string, readonly InLine[]>()

  constructor(db: DatabaseSync, report: Report, count: (name: string) => void) {
    this.#db = db
    this.#report = report
    this.#count = count
  }

  /** After every commit. */
  check(changes: Changes): void {
    const held = this.#checkPermits()
    this.#checkLines(held)
    this.#checkRates()
    for (const { key } of changes.parked.add)
      this.#count(key.startsWith('rate:') ? 'parked on a rate' : `parked on a ${key.slice(0, 4)}`)
    for (const { granted } of changes.permits.add) this.#count(granted ? 'permit granted' : 'permit taken')
    if (changes.limits.add.length > 0) this.#count('limit set')
    for (const { type } of changes.log) if (type === 'permit_broken') this.#count('permit broken')
  }

  #checkPermits(): Map<string, Set<number>> {
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
      const capacity = this.#capacity(id as number, name)
      if (capacity === undefined) {
        if (step === null) this.#report('I14', `${at} was never needed`)
      } else if ((slot as number) >= capacity && !this.#limits().has(name)) {
        this.#report('I15', `${at} has slot ${slot} of ${capacity}`)
      }
      if (!this.#holders.has(`${name} ${id}`)) this.#checkOrder(name, id as number)
    }
    this.#holders = holders
    return held
  }

  /** Whoever got a permit was the first of his rank. */
  #checkOrder(name: string, id: number): void {
    const line = this.#lines.get(`lock:${name}`) ?? []
    const place = line.find((one) => one.id === id)
    // Who is paused in the same commit stands elsewhere from then on, and may be passed.
    const parked = this.#rows('parked').filter((row) => row[0] === `lock:${name}`)
    const isParkedStill = new Set(parked.map((row) => row[3]))
    for (const other of line) {
      if (other.id === id || !isParkedStill.has(other.id)) continue
      const isBefore = place === undefined ? true : other.rank === place.rank && other.turn < place.turn
      if (isBefore) this.#report('I16', `execution ${id} got ${name} although ${other.id} stood before it`)
    }
  }

  #checkLines(held: ReadonlyMap<string, ReadonlySet<number>>): void {
    const lines = new Map<string, InLine[]>()
    for (const [key, rank, turn, id] of this.#rows('parked')) {
      const entry = { rank: rank as number, turn: turn as number, id: id as number }
      const line = lines.get(key as string)
      if (line === undefined) lines.set(key as string, [entry])
      else line.push(entry)
    }
    for (const [key, [first]] of lines) {
      if (!key.startsWith('lock:') || first === undefined) continue
      const name = key.slice('lock:'.length)
      const capacity = this.#limits().get(name) ?? this.#capacity(first.id, name)
      if (capacity === undefined) {
        this.#report('I16', `execution ${first.id} is parked on ${name}, which it does not need`)
        continue
      }
      for (let slot = 0; slot < capacity; slot++) {
        if (!held.get(name)?.has(slot))
          this.#report('I16', `slot ${slot} of ${name} is free, and ${first.id} waits for it`)
      }
    }
    this.#lines = lines
  }

  /** Whoever waits for a rate is woken by a timer. */
  #checkRates(): void {
    const timers = new Set(this.#rows('timers').map((row) => row[0]))
    const rates = new Map(this.#rows('rates').map(([tenant, key, at]) => [nameOf(tenant, key), at]))
    for (const key of this.#lines.keys()) {
      if (!key.startsWith('rate:')) continue
      const at = rates.get(key.slice('rate:'.length))
      if (at === undefined || !timers.has(at)) this.#report('I16', `nothing wakes what is parked on ${key}`)
    }
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

  #limits(): ReadonlyMap<string, number> {
    return new Map(this.#rows('limits').map(([tenant, key, capacity]) => [nameOf(tenant, key), capacity as number]))
  }

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

const nameOf = (tenant: unknown, key: unknown): string => JSON.stringify([tenant, key])
