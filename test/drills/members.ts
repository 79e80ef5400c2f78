import { join } from 'node:path'
import { Child } from './child.ts'
import type { Dice } from './dice.ts'
import { passMs } from './dice.ts'
import type { Incarnation } from './many-checks.ts'
import type { FromChild, MemberOptions, MemberRole } from './messages.ts'
import { hinted } from './profiles.ts'
import type { Signal } from './signal.ts'

/** One of the processes, over all its incarnations. */
export interface Member {
  readonly role: MemberRole
  readonly identity: string
  child: Child
  isFrozen: boolean
}

const counts: readonly (readonly [MemberRole, number])[] = [
  ['leader', 2],
  ['api', 2],
  ['worker', 4],
]

export interface MembersOptions {
  readonly store: string
  readonly redisUrl: string
  readonly target: string
  readonly folder: string
  readonly slots: number
}

/** The eight processes of the drill, and what is done to them. */
export class Members {
  readonly all: Member[] = []
  readonly incarnations: Incarnation[] = []
  readonly errors: string[] = []
  killed = 0
  frozen = 0
  /** How often a process said that Redis is away, or back. */
  readonly redis = { away: 0, back: 0 }
  readonly #options: MembersOptions
  readonly #signal: Signal
  readonly #dice: Dice
  /** Processes that the drill itself has ended. */
  readonly #ended = new Set<Child>()

  constructor(options: MembersOptions, signal: Signal, dice: Dice) {
    this.#options = options
    this.#signal = signal
    this.#dice = dice
  }

  async startAll(): Promise<void> {
    for (const [role, count] of counts)
      for (let number = 1; number <= count; number += 1) this.add(role, `${role}-${number}`)
    await Promise.all(this.all.map(({ child }) => this.ready(child)))
  }

  add(role: MemberRole, identity: string): void {
    this.all.push({ role, identity, child: this.#start(role, identity), isFrozen: false })
  }

  of(role: MemberRole): readonly Member[] {
    return this.all.filter((member) => member.role === role)
  }

  /** As a load balancer finds one that is ready; anybody, where nobody is. */
  anyReady(role: MemberRole): Member {
    const all = this.of(role)
    const ready = all.filter(({ child, isFrozen }) => !isFrozen && child.ready !== undefined)
    return this.#dice.of(ready.length > 0 ? ready : all)
  }

  async ready(child: Child): Promise<void> {
    await this.#signal.until('a process to be ready', () => {
      if (child.hasExited) throw new Error('a process of the drill ended before it was ready')
      return child.ready
    })
  }

  /** Somebody ends without a word, and is there anew. */
  async kill(): Promise<void> {
    const victim = this.#dice.of(this.all.filter(({ isFrozen }) => !isFrozen))
    const { child, role, identity } = victim
    this.killed += 1
    const current = this.incarnations.find(({ pid, until }) => pid === child.pid && until === null)
    if (current !== undefined) current.until = Date.now()
    await this.end(child)
    victim.child = this.#start(role, identity)
  }

  /** For up to two leases: some wake in time, some find that their work is somebody else's by then. */
  freeze(): void {
    const victim = this.#dice.of(this.all.filter(({ isFrozen, child }) => !isFrozen && child.ready !== undefined))
    this.frozen += 1
    victim.isFrozen = true
    victim.child.kill('SIGSTOP')
    void passMs(200 + this.#dice.below(2 * hinted.leaseMs)).then(() => {
      victim.child.kill('SIGCONT')
      victim.isFrozen = false
      this.#signal.raise()
    })
  }

  async allAwake(): Promise<void> {
    await this.#signal.until('the frozen to be awake', () => this.all.every(({ isFrozen }) => !isFrozen))
  }

  async end(child: Child): Promise<void> {
    this.#ended.add(child)
    await child.end()
  }

  /** It counts from when it was ready: how long a start takes is the machine's affair. */
  async #remember(identity: string, child: Child): Promise<void> {
    const incarnation: Incarnation = { identity, pid: child.pid, from: Number.POSITIVE_INFINITY, until: null }
    this.incarnations.push(incarnation)
    await this.ready(child).catch(() => {})
    if (child.ready !== undefined) incarnation.from = Date.now()
  }

  #start(role: MemberRole, identity: string): Child {
    const { store, redisUrl, target, folder, slots } = this.#options
    const dataDir = join(folder, identity)
    const options: MemberOptions = { store, role, identity, slots, target, dataDir, times: hinted, redisUrl }
    const child = new Child('member', options, this.#signal, (message: FromChild) => {
      if ('said' in message) this.errors.push(message.said)
      else if ('redis' in message) this.redis[message.redis] += 1
    })
    void child.exited.then(() => {
      if (!this.#ended.has(child)) this.errors.push(`${identity} ended by itself`)
    })
    if (role === 'worker') void this.#remember(identity, child)
    return child
  }
}
