import type { Claimed } from '../commit/order.ts'
import type { Welcome, WorkerProtocol } from '../protocol/protocol.ts'
import type { Heart, Lease } from '../run/heart.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Appetite, Carrier, Offer, PulledQueue } from './carrier.ts'

export interface NamedClaimsOptions {
  readonly protocol: WorkerProtocol
  readonly clock: Clock
  /** The store had work of which no hint came. */
  readonly missing: () => void
}

type ClaimAsk = Parameters<WorkerProtocol['claim']>[0]

interface Served {
  readonly offer: Offer
  isBegun: boolean
}

/** What more came than there was room for goes back after this time, to whoever has some. */
const patienceMs = 50
/** A worker that is told to stop ends within this time. */
const waitMsMax = 1_000

/**
 * A worker's claims while hints are carried: it fetches as many as it has room for, and asks the store for exactly the
 * executions that they name. Hints are no truth: whatever time they take, once in `pollMs` the store is asked for
 * anything that is due, and as long as it has some and no hint comes, at once again.
 */
export class NamedClaims implements Appetite {
  readonly #options: NamedClaimsOptions
  #carrier: Carrier | null = null
  #queues: readonly PulledQueue[] = []
  #pollMs = 1_000
  #offers: Offer[] = []
  #room = 0
  #arrived = 0
  #pollAt = Number.NEGATIVE_INFINITY
  /** The store had work and no hint came of it: it is asked on. */
  #isDry = false
  readonly #served = new Map<string, Served>()
  #hungry: (() => void)[] = []
  #wake: () => void = () => {}
  #givingBack: Timer | undefined

  constructor(options: NamedClaimsOptions) {
    this.#options = options
  }

  /** The same protocol, with claims by name. */
  protocol(): WorkerProtocol {
    const { protocol } = this.#options
    return {
      register: async (hello) => {
        const welcome = await protocol.register(hello)
        this.#signedOn(welcome, hello.actions)
        return welcome
      },
      claim: (ask) => (this.#carrier === null ? protocol.claim(ask) : this.#claim(ask)),
      heartbeat: (beat) => protocol.heartbeat(beat),
      listen: (ask) => protocol.listen(ask),
      drain: (worker, on) => protocol.drain(worker, on),
      work: async (worker, id, command) => {
        const answer = await protocol.work(worker, id, command)
        if (command.type === 'hand_back') this.#ended({ id, fence: command.fence })
        return answer
      },
      gone: (end) => protocol.gone(end),
      spawn: (worker, id, spawn) => protocol.spawn(worker, id, spawn),
      signOff: async (worker) => {
        this.#giveBack()
        await protocol.signOff(worker)
      },
    }
  }

  /** The same heart; what it lets go of has run. */
  heart(heart: Heart): Heart {
    return {
      ready: heart.ready,
      hold: (lease) => {
        const served = this.#served.get(nameOf(lease))
        if (served !== undefined) served.isBegun = true
        heart.hold(lease)
      },
      release: (lease) => {
        heart.release(lease)
        this.#ended(lease)
      },
      stop: () => heart.stop(),
    }
  }

  carry(carrier: Carrier | null): void {
    this.#carrier = carrier
    // What the one before had handed out ends with it.
    this.#offers = []
    this.#served.clear()
    this.#isDry = false
    this.#eat()
    this.#wake()
    if (carrier !== null && this.#queues.length > 0) carrier.pull(this.#queues, this)
  }

  wanted(): Promise<void> {
    if (this.#room > 0 || this.#carrier === null) return Promise.resolve()
    return new Promise((resolve) => this.#hungry.push(resolve))
  }

  offer(offer: Offer): void {
    this.#arrived += 1
    this.#room -= 1
    this.#offers.push(offer)
    this.#isDry = false
    this.#wake()
    this.#returnBeyond()
  }

  #returnBeyond(): void {
    if (this.#room >= 0 || this.#offers.length === 0) return
    this.#givingBack ??= this.#options.clock.timer(patienceMs, () => {
      this.#givingBack = undefined
      if (this.#room <= 0) this.#giveBack()
    })
  }

  #signedOn({ pollMs }: Welcome, actions: readonly PulledQueue[]): void {
    const isFirst = this.#queues.length === 0
    this.#pollMs = pollMs
    this.#queues = actions
    // Whatever was held and never begun was dropped with the incarnation before.
    for (const [name, { offer, isBegun }] of this.#served) {
      if (isBegun) continue
      this.#served.delete(name)
      offer.done('nothing to do')
    }
    if (isFirst && this.#carrier !== null) this.#carrier.pull(actions, this)
  }

  async #claim(ask: ClaimAsk): Promise<readonly Claimed[]> {
    const { protocol, clock } = this.#options
    // Also while the store is asked: a flow of work that never ends would else be polled for ever.
    this.#room = ask.limit - this.#offers.length
    this.#eat()
    if (this.#isDry || clock.now() >= this.#pollAt) {
      const claimed = await this.#poll(ask)
      if (claimed.length > 0) {
        this.#room -= claimed.length
        this.#returnBeyond()
        return claimed
      }
    }
    if (this.#offers.length === 0)
      await this.#arrival(Math.min(ask.waitMs, waitMsMax, Math.max(0, this.#pollAt - clock.now())))
    const offers = this.#offers.splice(0, ask.limit)
    if (offers.length === 0) return []
    try {
      const only = offers.map(({ hint }) => hint)
      const claimed = await protocol.claim({ ...ask, waitMs: 0, only })
      this.#serve(offers, claimed)
      return claimed
    } catch (thrown) {
      for (const offer of offers) offer.giveBack()
      throw thrown
    }
  }

  async #poll(ask: ClaimAsk): Promise<readonly Claimed[]> {
    const { protocol, clock, missing } = this.#options
    const arrived = this.#arrived
    this.#isDry = false
    const claimed = await protocol.claim({ ...ask, waitMs: 0 })
    // From the answer on: a store that takes longer than that must not be asked all the time.
    this.#pollAt = clock.now() + this.#pollMs
    if (claimed.length > 0 && this.#arrived === arrived && this.#offers.length === 0) {
      this.#isDry = true
      missing()
    }
    return claimed
  }

  #serve(offers: readonly Offer[], claimed: readonly Claimed[]): void {
    const open = new Map(claimed.map(({ request, execution }) => [request.publicId, execution]))
    for (const offer of offers) {
      const execution = open.get(offer.hint.execution)
      open.delete(offer.hint.execution)
      if (execution === undefined) offer.done('nothing to do')
      else this.#served.set(nameOf(execution), { offer, isBegun: false })
    }
  }

  /** Waits for an offer, for a change of the carrier, or for so long. */
  async #arrival(ms: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#wake = resolve
    const timer = this.#options.clock.timer(ms, resolve)
    await promise
    timer.cancel()
    this.#wake = () => {}
  }

  #ended(lease: Lease): void {
    const name = nameOf(lease)
    const served = this.#served.get(name)
    if (served === undefined) return
    this.#served.delete(name)
    served.offer.done('ran')
  }

  #giveBack(): void {
    this.#givingBack?.cancel()
    this.#givingBack = undefined
    this.#room = 0
    for (const offer of this.#offers.splice(0)) offer.giveBack()
  }

  #eat(): void {
    if (this.#room <= 0 && this.#carrier !== null) return
    for (const resolve of this.#hungry.splice(0)) resolve()
  }
}

const nameOf = ({ id, fence }: Lease): string => `${id} ${fence}`
