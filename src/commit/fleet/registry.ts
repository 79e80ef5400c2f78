import { refuse } from '../../errors/refusal.ts'
import type { Worker } from '../../store/rows.ts'
import type { Memory } from '../memory.ts'
import { type Answer, type DrainAsked, type OrderOf, unknownWorker } from '../order.ts'
import type { Actor, Workset } from '../workset.ts'

/** Keys of queues, taking a new one for an action that was never seen. */
export class Queues {
  readonly #memory: Memory
  readonly #work: Workset
  readonly #new = new Map<string, number>()
  #next: number

  constructor(memory: Memory, work: Workset, next: number) {
    this.#memory = memory
    this.#work = work
    this.#next = next
  }

  keyOf(action: string, version: number): number {
    const name = `${action}@${version}`
    const known = this.#memory.queueKeys.get(name) ?? this.#new.get(name)
    if (known !== undefined) return known
    const key = this.#next++
    this.#new.set(name, key)
    this.#work.queues.push({ key, action, version })
    return key
  }

  committed(): void {
    for (const [name, key] of this.#new) this.#memory.queueKeys.set(name, key)
  }
}

/** Suspects of a queue stand in a lane of their own, so that a claim that cannot take one never reads them. */
export const laneOf = (queue: number): number => -queue

/** Whether it is neither gone nor signed off: a worker without slots offers nothing any more. */
export const takesWork = ({ goneAt, slots }: Worker): boolean => goneAt === null && slots > 0

/** Whether it claims nothing for now, whoever wants it so. */
export const isDraining = ({ drainingSince, drain }: Worker): boolean => drainingSince !== null || drain !== null

/** A process that a worker has started to run actions on their own: named after it, and without slots. */
export const isCellOf = (cell: Worker, parent: Worker | undefined): boolean =>
  parent !== undefined &&
  cell.slots === 0 &&
  cell.incarnation.startsWith('cell:') &&
  cell.host === parent.host &&
  cell.identity.startsWith(`${parent.identity}/`)

export class Workers {
  readonly #memory: Memory
  readonly #work: Workset
  readonly #changed = new Map<number, Worker>()
  /** Whom to tell, once the commit is durable, that it is to take no more. */
  readonly drained: (DrainAsked & { readonly worker: number })[] = []
  #next: number

  constructor(memory: Memory, work: Workset, next: number) {
    this.#memory = memory
    this.#work = work
    this.#next = next
  }

  get(key: number): Worker | undefined {
    return this.#changed.get(key) ?? this.#memory.workers.get(key)
  }

  actor(key: number): Actor {
    return { principal: `worker:${this.get(key)?.identity ?? key}`, worker: key }
  }

  /** An incarnation nobody remembers any more was proven gone long ago. */
  isGone = (key: number): boolean => {
    const worker = this.get(key)
    return worker === undefined || worker.goneAt !== null
  }

  /** The same incarnation registers once, however often it says so. */
  register(hello: OrderOf<'register'>['hello']): number {
    for (const worker of [...this.#changed.values(), ...this.#memory.workers.values()]) {
      if (worker.incarnation === hello.incarnation && worker.goneAt === null) return worker.key
    }
    const key = this.#next++
    const at = this.#work.now
    this.change({
      key,
      ...hello,
      isolates: hello.isolates ?? false,
      registeredAt: at,
      seenAt: at,
      goneAt: null,
      goneProof: null,
      drainingSince: null,
      role: hello.role ?? 'worker',
      drain: null,
    })
    return key
  }

  /** Offers nothing any more. Whether its process is dead is another question, and not answered by it. */
  signOff(key: number): Answer<'sign_off'> {
    const worker = this.get(key)
    if (worker === undefined) return unknownWorker(key)
    this.change({ ...worker, actions: [], slots: 0, seenAt: this.#work.now })
    return { worker: key }
  }

  /** Whether due work that runs alone may wait for this worker. Lanes are read by claims that can take from them. */
  haveSuspects(worker: Worker): boolean {
    return worker.actions.some(({ action, version }) =>
      this.#memory.maybeReady.has(laneOf(this.#memory.queueKeys.get(`${action}@${version}`) ?? 0)),
    )
  }

  /** Whether some worker takes work of this queue, `action@version`. */
  serve(queue: string): boolean {
    const all = [...this.#memory.workers.keys(), ...this.#changed.keys()]
    return all.some((key) => {
      const worker = this.get(key)
      if (worker === undefined || !takesWork(worker) || isDraining(worker)) return false
      return worker.actions.some(({ action, version }) => `${action}@${version}` === queue)
    })
  }

  /** Asked again, the newest word holds. */
  askDrain({ identity, by, reason, graceMs }: OrderOf<'ask_drain'>): Answer<'ask_drain'> {
    const keys = new Set([...this.#memory.workers.keys(), ...this.#changed.keys()])
    const meant = [...keys].flatMap((key) => this.get(key) ?? []).filter((worker) => worker.identity === identity)
    const at = this.#work.now
    const drain = { at, by, reason, until: graceMs === null ? null : at + graceMs }
    const workers = meant.filter(takesWork).map((worker) => ({ ...worker, drain }))
    if (workers.length === 0) {
      return refuse('not_found', `No living worker is called ${identity.slice(0, 100).toWellFormed()}.`)
    }
    for (const worker of workers) {
      this.change(worker)
      this.drained.push({ worker: worker.key, until: drain.until })
    }
    return { workers }
  }

  /** Claims nothing more while handlers that ignore their abort hold its slots; it keeps its leases. */
  drain(key: number, on: boolean): Answer<'drain'> {
    const worker = this.get(key)
    if (worker === undefined || !takesWork(worker)) return unknownWorker(key)
    this.change({ ...worker, drainingSince: on ? (worker.drainingSince ?? this.#work.now) : null })
    return { worker: key }
  }

  change(worker: Worker): void {
    this.#changed.set(worker.key, worker)
  }

  flush(): void {
    this.#work.workers.push(...this.#changed.values())
  }

  committed(): void {
    for (const [key, worker] of this.#changed) this.#memory.workers.set(key, worker)
  }
}
