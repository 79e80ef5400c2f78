/** A store in a temporary file, its writer and workers in this process, on a clock that only tests move. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { AnyAction } from '../../../src/action/action.ts'
import { actionRegistry } from '../../../src/action/registry.ts'
import { checkRequest, type SubmitRequest } from '../../../src/admit/request.ts'
import { Committer } from '../../../src/commit/committer.ts'
import type { Order, Orders } from '../../../src/commit/order.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import type { Command } from '../../../src/execution/command.ts'
import { isTerminal, type State } from '../../../src/execution/machine.ts'
import { seededRandom } from '../../../src/identity/random.ts'
import { opsOf } from '../../../src/projections/ops.ts'
import { askWhy } from '../../../src/projections/why.ts'
import { inProcess } from '../../../src/protocol/in-process.ts'
import type { Welcome, WorkerProtocol } from '../../../src/protocol/protocol.ts'
import { openSqlite } from '../../../src/store/sqlite/open.ts'
import type { Views } from '../../../src/store/store.ts'
import { defaultRetryPolicy } from '../../../src/time/backoff.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { createWorker, type Worker, type WorkerOptions } from '../../../src/worker.ts'

export const settings: Omit<Welcome, 'worker'> = {
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  pollMs: 1_000,
  stallLimitMs: 60_000,
  cancelGraceMs: 30_000,
}

export interface WorkerChanges extends Partial<WorkerOptions> {
  readonly pid?: number
}

export class World {
  readonly clock: VirtualClock
  readonly folder: string
  readonly orders: Orders
  readonly protocol: WorkerProtocol
  /** Every order in the sequence it was given, for tests that look at what was asked. */
  readonly given: Order[] = []
  readonly logged: string[] = []
  readonly actions: ReturnType<typeof actionRegistry>
  readonly #store: ReturnType<typeof openSqlite>
  readonly views: Views
  readonly #committer: Committer
  #workers = 0
  readonly #started: Worker[] = []

  private constructor(
    actions: readonly AnyAction[],
    folder: string,
    clock: VirtualClock,
    store: ReturnType<typeof openSqlite>,
    committer: Committer,
  ) {
    this.folder = folder
    this.clock = clock
    this.actions = actionRegistry(actions)
    this.#store = store
    this.views = store.views()
    this.#committer = committer
    this.orders = {
      give: (order) => {
        this.given.push(order)
        return committer.give(order)
      },
    }
    this.protocol = inProcess({ orders: this.orders, settings })
  }

  static async open(...actions: readonly AnyAction[]): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'pawl-world-'))
    const store = openSqlite({ path: join(folder, 'pawl.db') })
    const clock = new VirtualClock()
    const committer = await Committer.open({
      session: store.session,
      idKey: store.publicIdKey,
      clock,
      soon: queueMicrotask,
    })
    return new World(actions, folder, clock, store, committer)
  }

  async admission(action: AnyAction, parent: number) {
    const rules = {
      actions: this.actions,
      retryPolicy: defaultRetryPolicy,
      now: this.clock.now(),
      newTraceId: () => '0'.repeat(32),
      parent: { id: parent, depth: 0 },
    }
    const by = { principal: 'human:alice', tenant: 'default' }
    return orThrow(await checkRequest({ action: action.name, input: null }, by, rules))
  }

  async submit(action: AnyAction, input: unknown = {}, more: Partial<SubmitRequest> = {}): Promise<number> {
    const admission = orThrow(
      await checkRequest(
        { action: action.name, input, ...more },
        { principal: 'human:alice', tenant: 'default' },
        {
          actions: this.actions,
          retryPolicy: defaultRetryPolicy,
          now: this.clock.now(),
          newTraceId: () => '0'.repeat(32),
        },
      ),
    )
    const admitted = orThrow(await this.orders.give<'admit'>({ kind: 'admit', admission }))
    return admitted.replayed ? admitted.execution.id : admitted.born.id
  }

  command(id: number, command: Command, principal = 'human:alice') {
    return this.orders.give<'command'>({ kind: 'command', id, tenant: null, command, principal })
  }

  /** A worker with an identity of its own; started by `work`. */
  worker(changes: WorkerChanges = {}): Worker {
    this.#workers += 1
    const { pid = this.#workers, ...options } = changes
    const worker = createWorker({
      protocol: this.protocol,
      actions: this.actions,
      identity: `worker-${this.#workers}`,
      incarnation: `incarnation-${this.#workers}`,
      host: { host: 'here', pid, startedTicks: '1', bootId: 'boot' },
      slots: 10,
      clock: this.clock,
      random: seededRandom('worker'),
      log: (level, message) => this.logged.push(`${level}: ${message}`),
      ...options,
    })
    this.#started.push(worker)
    return worker
  }

  async find(id: number) {
    return (await this.found(id)).execution
  }

  async found(id: number) {
    const found = await this.views.find(id)
    if (found === null) throw new Error(`there is no execution ${id}`)
    return found
  }

  /** What a person is told who asks why it is where it is. */
  async why(id: number) {
    const found = await this.views.find(id)
    if (found === null) throw new Error(`there is no execution ${id}`)
    return await askWhy(this.views, found, this.clock.now())
  }

  /** The health of everything as a person is shown it. */
  async ops() {
    const naming = { idOf: String, workerOf: String }
    return await opsOf({ views: this.views, naming, tenant: 'default', now: this.clock.now() })
  }

  /** Lets time pass, timer by timer, until the execution is in one of the states, by default a terminal one. */
  async reach(id: number, ...states: readonly State[]) {
    for (let timers = 0; timers < 2_000; timers += 1) {
      const execution = await this.find(id)
      if (states.length === 0 ? isTerminal(execution.state) : states.includes(execution.state)) return execution
      await this.clock.runNext()
    }
    const { state, waitingFor, lastError } = await this.find(id)
    throw new Error(
      `execution ${id} stays ${state} (${waitingFor ?? ''} ${lastError ?? ''})\n${this.logged.join('\n')}`,
    )
  }

  async result(id: number): Promise<unknown> {
    const outcome = await this.views.outcome(id)
    const text = outcome?.result ?? null
    return text === null ? undefined : JSON.parse(text)
  }

  async effects(id: number) {
    return await this.views.effects({ id, limit: 100 })
  }

  async events(id: number) {
    return await this.views.events(id, 0, 1_000)
  }

  async steps(id: number) {
    return await this.views.steps(id)
  }

  async artifacts(id: number) {
    return await this.views.artifacts(id)
  }

  /** A protocol that falls silent for ever at the first call that `dies` names: the process behind it is dead. */
  dyingProtocol(dies: (call: string) => boolean): WorkerProtocol & { readonly dead: Promise<void> } {
    const { protocol } = this
    let die: () => void = () => {}
    let isDead = false
    const dead = new Promise<void>((resolve) => {
      die = resolve
    })
    const say = <T>(name: string, call: () => Promise<T>): Promise<T> => {
      isDead ||= dies(name)
      if (!isDead) return call()
      die()
      return new Promise(() => {})
    }
    return {
      dead,
      register: (hello) => say('register', () => protocol.register(hello)),
      claim: (ask) => say('claim', () => protocol.claim(ask)),
      heartbeat: (beat) => say('heartbeat', () => protocol.heartbeat(beat)),
      listen: (ask) => say('listen', () => protocol.listen(ask)),
      drain: (worker, on) => say('drain', () => protocol.drain(worker, on)),
      work: (worker, id, command) => say(command.type, () => protocol.work(worker, id, command)),
      gone: (end) => say('gone', () => protocol.gone(end)),
      spawn: (worker, id, spawn) => say('spawn', () => protocol.spawn(worker, id, spawn)),
      signOff: (worker) => say('signOff', () => protocol.signOff(worker)),
    }
  }

  async logs(id: number) {
    return await this.views.logs(id, 0, 2_000)
  }

  /** Places in line of the steps of one execution. */
  async waiters(id: number) {
    return await this.views.waitersOf(id)
  }

  async permits() {
    return await this.views.permits({ limit: 100 })
  }

  async workers() {
    return await this.views.workers()
  }

  /** Ends everything; a worker that cannot end by itself must not keep the test. */
  async close(): Promise<void> {
    const stops = this.#started.map((worker) => worker.stop({ graceMs: 0, abortMs: 0 }))
    const stopped = Promise.all(stops)
    let isStopped = false
    void stopped.then(() => {
      isStopped = true
    })
    for (let timers = 0; !isStopped && timers < 100; timers += 1) await this.clock.runNext()
    await this.#committer.close()
    this.#store.close()
    rmSync(this.folder, { recursive: true, force: true })
  }
}
