import type { Permit } from '../../execution/permit.ts'
import { lockKey, rateKey } from '../../store/place.ts'
import type { RateState, Waiter } from '../../store/rows.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'

const slotKey = ({ tenant, key, slot }: Permit): string => JSON.stringify([tenant, key, slot])
const waiterKey = ({ tenant, key, execution, step }: Waiter): string => JSON.stringify([tenant, key, execution, step])

/** The rows of permits, waiters and rates as this batch leaves them. Each key and each execution is asked for once. */
export class PermitRows {
  readonly #work: Workset
  readonly #stored = new Map<string, Permit>()
  readonly #now = new Map<string, Permit>()
  readonly #knownKeys = new Set<string>()
  readonly #knownHolders = new Set<number>()
  readonly #storedWaiters = new Map<string, Waiter>()
  readonly #waiters = new Map<string, Waiter>()
  readonly #knownLines = new Set<string>()
  readonly #rates = new Map<string, RateState | null>()
  readonly #changedRates = new Set<string>()
  /** Executions whose permits or places in line were changed. */
  readonly touched = new Set<number>()

  constructor(work: Workset) {
    this.#work = work
  }

  *ofKey(tenant: string, key: string): Asking<Permit[]> {
    const name = lockKey(tenant, key)
    if (!this.#knownKeys.has(name)) {
      this.#knownKeys.add(name)
      this.#learn(yield* ask('permits', tenant, key))
    }
    const found: Permit[] = []
    for (const permit of this.#now.values()) if (permit.key === key && permit.tenant === tenant) found.push(permit)
    return found
  }

  *ofExecution(id: number): Asking<Permit[]> {
    yield* this.#loadHolder(id)
    const found: Permit[] = []
    for (const permit of this.#now.values()) if (permit.execution === id) found.push(permit)
    return found
  }

  put(permit: Permit): void {
    this.#now.set(slotKey(permit), permit)
    this.touched.add(permit.execution)
  }

  drop(permit: Permit): void {
    this.#now.delete(slotKey(permit))
    this.touched.add(permit.execution)
  }

  /** In line for a key: by rank, then in the order in which they asked. */
  *waitersOf(tenant: string, key: string): Asking<Waiter[]> {
    const name = lockKey(tenant, key)
    if (!this.#knownLines.has(name)) {
      this.#knownLines.add(name)
      this.#learnWaiters(yield* ask('waiters', tenant, key))
    }
    return [...this.#waiters.values()]
      .filter((waiter) => waiter.tenant === tenant && waiter.key === key)
      .sort((a, b) => a.rank - b.rank || a.turn - b.turn)
  }

  *waitsOf(id: number): Asking<Waiter[]> {
    yield* this.#loadHolder(id)
    return [...this.#waiters.values()].filter(({ execution }) => execution === id)
  }

  /** Goes to the end of the line of its key. */
  *line(waiter: Omit<Waiter, 'turn'>): Asking<void> {
    const line = yield* this.waitersOf(waiter.tenant, waiter.key)
    const turn = 1 + line.reduce((most, one) => Math.max(most, one.turn), 0)
    const last = { ...waiter, turn }
    this.#waiters.set(waiterKey(last), last)
    this.touched.add(waiter.execution)
  }

  unline(waiter: Waiter): void {
    this.#waiters.delete(waiterKey(waiter))
    this.touched.add(waiter.execution)
  }

  *rate(tenant: string, key: string): Asking<RateState | null> {
    const name = rateKey(tenant, key)
    const known = this.#rates.get(name)
    if (known !== undefined) return known
    const stored = yield* ask('rate', tenant, key)
    this.#rates.set(name, stored)
    return stored
  }

  setRate(rate: RateState): void {
    const name = rateKey(rate.tenant, rate.key)
    this.#rates.set(name, rate)
    this.#changedRates.add(name)
  }

  /** Whether an execution has anything left; asked of those that were touched only. */
  *has(id: number): Asking<boolean> {
    const permits = yield* this.ofExecution(id)
    return permits.length > 0 || (yield* this.waitsOf(id)).length > 0
  }

  /** Writes what differs from what is stored. */
  flush(): void {
    const { permits, waiters, rates } = this.#work
    for (const [name, was] of this.#stored) {
      const is = this.#now.get(name)
      if (is?.execution !== was.execution) permits.remove.push(was)
    }
    for (const [name, is] of this.#now) if (this.#stored.get(name) !== is) permits.add.push(is)
    for (const [name, was] of this.#storedWaiters) if (this.#waiters.get(name) !== was) waiters.remove.push(was)
    for (const [name, is] of this.#waiters) if (this.#storedWaiters.get(name) !== is) waiters.add.push(is)
    for (const name of this.#changedRates) {
      const rate = this.#rates.get(name)
      if (rate) rates.push(rate)
    }
  }

  *#loadHolder(id: number): Asking<void> {
    if (this.#knownHolders.has(id)) return
    this.#knownHolders.add(id)
    this.#learn(yield* ask('permitsOf', [id]))
    this.#learnWaiters(yield* ask('waitersOf', [id]))
  }

  /** What is known already may have been changed since. */
  #learn(permits: readonly Permit[]): void {
    for (const permit of permits) {
      const name = slotKey(permit)
      if (this.#stored.has(name)) continue
      this.#stored.set(name, permit)
      this.#now.set(name, permit)
    }
  }

  #learnWaiters(waiters: readonly Waiter[]): void {
    for (const waiter of waiters) {
      const name = waiterKey(waiter)
      if (this.#storedWaiters.has(name)) continue
      this.#storedWaiters.set(name, waiter)
      this.#waiters.set(name, waiter)
    }
  }
}
