import type { AnyAction, OutputOf } from '../action/action.ts'
import { artifactMemory } from '../artifacts/memory.ts'
import type { ArtifactStore } from '../artifacts/store.ts'
import type { StoreHost } from '../commit/host.ts'
import type { Caller } from '../control/control-plane.ts'
import type { Log, Settings } from '../engine.ts'
import { orThrow } from '../errors/refusal.ts'
import { isTerminal } from '../execution/machine.ts'
import { seededRandom } from '../identity/random.ts'
import {
  createPawl,
  type ExecutionView,
  type Named,
  type Names,
  type Pawl,
  type TypedExecution,
  type TypedRequest,
} from '../pawl.ts'
import type { EventView } from '../projections/view.ts'
import { thisProcess } from '../recover/this-process.ts'
import type { SecretSource } from '../run/secrets.ts'
import { sqlite } from '../sqlite.ts'
import { createSystemClock, VirtualClock } from '../time/clock.ts'
import { createWorker, type Worker } from '../worker.ts'
import { CrashPlan, type CrashPoint, mortal } from './crash-points.ts'

export interface TestPawlOptions<A extends readonly AnyAction[]> {
  readonly actions: A
  /** When the test begins; 1 January 2026 by default. */
  readonly now?: number | Date | undefined
  /** Of everything that is left to chance beside the handlers: rests between attempts, trace ids. */
  readonly seed?: string | undefined
  /** Executions at a time; 10 by default. */
  readonly slots?: number | undefined
  readonly secrets?: Readonly<Record<string, string>> | SecretSource | undefined
  readonly settings?: Partial<Settings> | undefined
  readonly caller?: Caller | undefined
  readonly artifacts?: ArtifactStore | undefined
  readonly log?: Log | undefined
}

const dayMs = 86_400_000
const realPauseMs = 1

type Listener = { readonly type: string; readonly tell: (event: EventView) => void }

/**
 * The real engine on a store in memory, with a worker in this process and a clock that only the test moves. A worker can
 * be killed at a named point; the next one takes over.
 */
export class TestPawl<const A extends readonly AnyAction[]> {
  /** The library as programs hold it. */
  readonly pawl: Pawl<A>
  readonly clock: VirtualClock
  readonly artifacts: ArtifactStore
  /** The points at which workers have died, in order. */
  readonly crashes: string[] = []
  readonly #options: TestPawlOptions<A>
  readonly #host: StoreHost
  readonly #caller: Caller
  readonly #plan = new CrashPlan()
  readonly #listeners: Listener[] = []
  readonly #told = new Map<number, number>()
  readonly #real = createSystemClock()
  #telling: Promise<void> = Promise.resolve()
  #worker: Worker | undefined
  #incarnations = 0
  #replacing: Promise<void> = Promise.resolve()
  #failure: unknown

  private constructor(parts: {
    readonly pawl: Pawl<A>
    readonly clock: VirtualClock
    readonly host: StoreHost
    readonly artifacts: ArtifactStore
    readonly caller: Caller
    readonly options: TestPawlOptions<A>
  }) {
    this.pawl = parts.pawl
    this.clock = parts.clock
    this.artifacts = parts.artifacts
    this.#host = parts.host
    this.#caller = parts.caller
    this.#options = parts.options
    parts.host.onCommit((ids) => {
      if (this.#listeners.length > 0) this.#telling = this.#telling.then(() => this.#tell(ids))
    })
  }

  static async open<const A extends readonly AnyAction[]>(options: TestPawlOptions<A>): Promise<TestPawl<A>> {
    const clock = new VirtualClock(options.now === undefined ? undefined : Number(options.now))
    const host = await sqlite({ path: ':memory:', clock, soon: queueMicrotask })
    const artifacts = options.artifacts ?? artifactMemory({ now: () => clock.now() })
    const caller = options.caller ?? { principal: 'human:test', tenant: 'default' }
    const { actions, log, seed = 'test' } = options
    // Whoever is killed is known to be dead, so nothing needs polling, and every poll is one more timer to step over.
    const settings = { pollMs: 60_000, sweepMs: 60_000, ...options.settings }
    const random = seededRandom(seed)
    const pawl = await createPawl({ store: host, actions, slots: 0, settings, caller, clock, random, artifacts, log })
    const test = new TestPawl({ pawl, clock, host, artifacts, caller, options })
    await pawl.start()
    await test.#startWorker()
    return test
  }

  submit<N extends Names<A>>(request: TypedRequest<A, N>): Promise<TypedExecution<Named<A, N>>> {
    return this.pawl.submit(request)
  }

  /** Submits and lets time pass until this execution has ended; gives its result. */
  async run<N extends Names<A>>(request: TypedRequest<A, N>, within: Within = {}): Promise<OutputOf<Named<A, N>>> {
    const execution = await this.pawl.submit(request)
    await this.untilEnded(execution.id, within)
    return await this.pawl.result(execution)
  }

  get(id: string): Promise<ExecutionView> {
    return this.pawl.get(id)
  }

  async events(id: string): Promise<readonly EventView[]> {
    return orThrow(await this.pawl.engine.plane.events(id, 0, 1_000, this.#caller))
  }

  async effects(id: string) {
    return orThrow(await this.pawl.engine.plane.effects(id, this.#caller))
  }

  async steps(id: string) {
    return orThrow(await this.pawl.engine.plane.steps(id, this.#caller))
  }

  /** Calls `tell` for every event of this type from now on, or of every type for `*`. Returns how to stop it. */
  on(type: string, tell: (event: EventView) => void): () => void {
    const listener = { type, tell }
    this.#listeners.push(listener)
    return () => {
      this.#listeners.splice(this.#listeners.indexOf(listener), 1)
    }
  }

  /**
   * Kills the worker when it comes to this point, `times` times. Nothing that it sends afterwards arrives, it is known to
   * be dead at once, and a new one goes on. Code of its handlers that waits for something outside cannot be stopped.
   */
  crashAt(point: CrashPoint, { times = 1 }: { readonly times?: number } = {}): void {
    this.#plan.add(point, times)
  }

  /** Crash points that no worker has come to: a test that plans one should find none left. */
  crashesLeft(): readonly string[] {
    return this.#plan.pending()
  }

  /** Lets time pass, and everything happen that is due by then. */
  async advance(ms: number): Promise<void> {
    await this.#settle()
    const until = this.clock.now() + ms
    for (let next = this.clock.nextAt(); next !== undefined && next <= until; next = this.clock.nextAt()) {
      await this.clock.runNext()
      await this.#settle()
    }
    await this.clock.advance(until - this.clock.now())
    await this.#settle()
  }

  /**
   * Lets time pass until nothing runs, is due or comes up within `withinMs` (a day by default): rests between attempts,
   * delays and sleeps are skipped. What waits for a person, a signal or a pause is at rest.
   *
   * @throws Error that names what still runs then.
   */
  async untilIdle({ withinMs = dayMs }: Within = {}): Promise<void> {
    const until = this.clock.now() + withinMs
    for (;;) {
      await this.#settle()
      const busy = await this.#busy(until)
      if (busy.length === 0) return
      await this.#step(until, busy)
    }
  }

  async untilEnded(id: string, { withinMs = dayMs }: Within = {}): Promise<ExecutionView> {
    const until = this.clock.now() + withinMs
    for (;;) {
      await this.#settle()
      const execution = await this.pawl.get(id)
      if (isTerminal(execution.state)) return execution
      await this.#step(until, [execution])
    }
  }

  async stop(): Promise<void> {
    let isStopped = false
    const stopping = (this.#worker?.stop({ graceMs: 0, abortMs: 0 }) ?? Promise.resolve())
      .then(() => this.pawl.stop())
      .finally(() => {
        isStopped = true
      })
    for (let steps = 0; !isStopped && steps < 1_000; steps += 1) await this.clock.runNext()
    await stopping
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** One timer further. What waits for the world outside is given a moment of real time before each. */
  async #step(until: number, busy: readonly Pick<ExecutionView, 'id' | 'state' | 'lastError'>[]): Promise<void> {
    if (busy.some(({ state }) => state === 'running')) await this.#real.sleep(realPauseMs)
    const next = this.clock.nextAt()
    if (next === undefined || next > until) {
      const named = busy.slice(0, 5).map(({ id, state, lastError }) => `${id} is ${state} ${lastError ?? ''}`.trim())
      throw new Error(`The test came to the end of its time: ${named.join('; ')}.`)
    }
    await this.clock.runNext()
  }

  /** What runs, or can run by itself until then. */
  async #busy(until: number): Promise<readonly ExecutionView[]> {
    const { tenant } = this.#caller
    const found: ExecutionView[] = []
    const pauses = await this.#host.views.pauses()
    for (let cursor: string | undefined; ; ) {
      const page = orThrow(
        await this.pawl.engine.plane.list(
          { states: ['queued', 'running', 'retryable_failed', 'waiting'], limit: 500, cursor },
          { principal: 'service:test', tenant },
        ),
      )
      for (const each of page.items) {
        const { state, availableAt, waitingFor, action, subject } = each
        const isHeld = pauses.some(
          ({ scope, value }) =>
            scope === 'all' ||
            (scope === 'tenant' && value === tenant) ||
            (scope === 'action' && value === action) ||
            (scope === 'subject' && value === subject),
        )
        if (state === 'running') found.push(each)
        else if (availableAt === null || (state === 'waiting' && waitingFor !== 'timer' && waitingFor !== 'signal'))
          continue
        else if (!isHeld && Date.parse(availableAt) <= until) found.push(each)
      }
      if (page.next === null) return found
      cursor = page.next
    }
  }

  /** Lets everything happen that needs no time. */
  async #settle(): Promise<void> {
    await this.clock.advance(0)
    await this.#replacing
    await this.clock.advance(0)
    await this.#telling
    if (this.#failure !== undefined) throw this.#failure
  }

  async #startWorker(): Promise<void> {
    const { slots = 10, secrets, seed = 'test', log = () => {} } = this.#options
    const { engine } = this.pawl
    this.#incarnations += 1
    const number = this.#incarnations
    let key: number | undefined
    const { protocol, isDead } = mortal(engine.protocol, this.#plan, (point) => {
      this.crashes.push(point)
      this.#replacing = this.#replace(key, point).catch((thrown: unknown) => {
        this.#failure = thrown
      })
    })
    const { clock } = this
    // A dead process has no timers.
    const alive = (fire: () => void) => () => {
      if (!isDead()) fire()
    }
    this.#worker = createWorker({
      protocol: {
        ...protocol,
        async register(hello) {
          const welcome = await protocol.register(hello)
          key = welcome.worker
          return welcome
        },
      },
      actions: engine.plane.actions,
      identity: 'test',
      incarnation: `test-${number}`,
      // Known by its number alone, so that no look at this machine's processes can confuse it with one.
      host: { ...thisProcess(), host: 'test', pid: number },
      slots,
      clock: {
        now: () => clock.now(),
        elapsed: () => clock.elapsed(),
        timer: (ms, fire) => clock.timer(ms, alive(fire)),
        sleep: (ms, signal) => clock.sleep(ms, signal),
      },
      random: seededRandom(`${seed} ${number}`),
      artifacts: this.artifacts,
      secrets: typeof secrets === 'object' ? () => Promise.resolve(secrets) : secrets,
      retry: engine.settings.retryPolicy,
      keepLogs: engine.settings.keptLogLevel,
      log,
    })
    await this.#worker.start()
  }

  async #replace(dead: number | undefined, point: string): Promise<void> {
    if (dead !== undefined) {
      const proof = `it was killed at ${point}`
      await this.#host.orders.give<'gone'>({ kind: 'gone', worker: dead, proof, cause: 'exit' })
    }
    await this.#startWorker()
  }

  async #tell(ids: readonly number[]): Promise<void> {
    const { idOf } = await this.pawl.engine.plane.naming()
    for (const id of ids) {
      const after = this.#told.get(id) ?? 0
      const found = await this.#host.views.find(id)
      if (found === null) continue
      const by = { ...this.#caller, tenant: found.execution.tenant }
      const events = orThrow(await this.pawl.engine.plane.events(idOf(id), after, 1_000, by))
      this.#told.set(id, events.at(-1)?.sequence ?? after)
      for (const event of events) {
        for (const { type, tell } of this.#listeners) if (type === '*' || type === event.type) tell(event)
      }
    }
  }
}

export interface Within {
  /** Virtual milliseconds; a day by default. */
  readonly withinMs?: number | undefined
}

/** Opens the engine for a test. Close it with `stop()`, or hold it with `await using`. */
export const testPawl = <const A extends readonly AnyAction[]>(options: TestPawlOptions<A>): Promise<TestPawl<A>> =>
  TestPawl.open(options)
