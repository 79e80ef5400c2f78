import type { ActionRegistry } from './action/action.ts'
import type { ActionsModule } from './action/module.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import type { Claimed, Hello } from './commit/order.ts'
import { classify } from './errors/failures.ts'
import { isRefusal, orThrow, Refused } from './errors/refusal.ts'
import type { WorkerCommand } from './execution/command.ts'
import type { Random } from './identity/random.ts'
import { Cells, type CellsOptions } from './isolate/cells.ts'
import { runIsolated } from './isolate/isolated-run.ts'
import { checkIsolation, limitsOf, suspectLimits } from './isolate/limits.ts'
import { Suspects } from './isolate/suspects.ts'
import { KnownPolicies } from './policy/known-policies.ts'
import { handBack } from './protocol/hand-back.ts'
import { listenForNews } from './protocol/listening.ts'
import type { Welcome, WorkerProtocol } from './protocol/protocol.ts'
import { spawnerOf } from './protocol/spawner.ts'
import { pauseMs, untilAnswered } from './protocol/steadfast.ts'
import { ClaimAhead } from './run/claim-ahead.ts'
import type { ContextPorts, RunLog } from './run/context.ts'
import { OperatorDrain, type StopOptions, type Stopped } from './run/drain.ts'
import { ShuttingDown } from './run/halt.ts'
import { type Heart, type HeartNews, timerHeart } from './run/heart.ts'
import { IgnoredAborts } from './run/ignored-aborts.ts'
import { KeptLog, type LeastLevel } from './run/kept-log.ts'
import { type LiveRun, LiveRuns } from './run/live-runs.ts'
import type { Performance } from './run/performance.ts'
import { runExecution } from './run/run.ts'
import type { Work } from './run/running.ts'
import type { SecretSource } from './run/secrets.ts'
import { settlement } from './settle/settle.ts'
import type { RetryPolicy } from './time/backoff.ts'
import type { Clock, Timer } from './time/clock.ts'

export interface WorkerOptions extends Pick<CellsOptions, 'openCell'>, Pick<ContextPorts, 'transactions'> {
  readonly protocol: WorkerProtocol
  readonly actions: ActionRegistry
  /** Where a process of its own finds the actions; without it only actions that name their module can run isolated. */
  readonly actionsModule?: ActionsModule | undefined
  /** Who this worker is over all restarts. */
  readonly identity: string
  /** Who it is this time; another in every process. */
  readonly incarnation: string
  /** Where the process can be found, so that its death can be proven. */
  readonly host: Pick<Hello, 'host' | 'pid' | 'startedTicks' | 'bootId'>
  /** Executions at a time. */
  readonly slots: number
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
  readonly artifacts?: ArtifactStore | undefined
  readonly secrets?: SecretSource | undefined
  readonly retry?: RetryPolicy | undefined
  readonly log: RunLog
  /** Least level of what handlers say that is kept with their execution; `info` by default. */
  readonly keepLogs?: LeastLevel | undefined
  /** Told once nothing runs any more but handlers that ignore their abort: only the end of the process frees their slots. */
  readonly onStuck?: ((executions: readonly string[]) => void) | undefined
  /** Told once an operator's drain is over: nothing runs here any more, and nothing will. */
  readonly onDrained?: ((stopped: Stopped) => void) | undefined
  /** Whether it runs beside the server; `worker` by default. */
  readonly role?: Hello['role']
  /** Makes the heart; by default one that beats on the worker's own clock. */
  readonly heart?: ((welcome: Welcome, news: HeartNews) => Heart) | undefined
}

export interface Worker {
  /** Signs on and begins to claim; resolves once the other side has answered. */
  start(): Promise<void>
  /** Ends in the order: claim nothing more, drain, abort, hand back, sign off; leases are renewed to the last. */
  stop(options?: StopOptions): Promise<Stopped>
  /** Executions that run now. */
  running(): number
}

/** Settlings under way beyond which nothing more is claimed: the store is slower than the handlers. */
const settlingMax = 2_000
const waitingMsMax = 1_000

/**
 * A worker: claims, runs and settles, over whatever carries its protocol.
 *
 * @throws Refused `isolate_without_module`
 */
export function createWorker(options: WorkerOptions): Worker {
  orThrow(checkIsolation(options.actions, options.actionsModule))
  return new ClaimingWorker(options)
}

class ClaimingWorker implements Worker {
  readonly #options: WorkerOptions
  readonly #runs: LiveRuns
  readonly #stopping = new AbortController()
  readonly #ended = new AbortController()
  readonly #ignored: IgnoredAborts
  #welcome: Welcome | undefined
  #heart: Heart | undefined
  /** The other side does not know this incarnation any more. */
  #isUnknown = false
  #claiming: Promise<void> = Promise.resolve()
  readonly #ahead: ClaimAhead
  readonly #policies = new KnownPolicies()
  readonly #cells: Cells
  readonly #suspects: Suspects
  readonly #operator: OperatorDrain
  /** Handlers that run now; a run that only waits for its settling to be durable needs no slot. */
  #busy = 0
  /** Runs from their claim until they are settled. */
  #held = 0
  #roomMade: () => void = () => {}
  #returning: Timer | undefined

  constructor(options: WorkerOptions) {
    this.#options = options
    this.#runs = new LiveRuns({
      clock: options.clock,
      graceMs: ({ request }) =>
        options.actions.get(request.action, request.actionVersion)?.timeout?.cancelGraceMs ??
        this.#signedOn().cancelGraceMs,
      ignored: (run) => this.#ignored.add(run),
      ended: (run) => this.#ignored.ended(run),
    })
    const stuck = options.onStuck
    this.#ignored = new IgnoredAborts({ running: () => this.#runs.size, drain: this.#drain.bind(this), stuck })
    this.#ahead = new ClaimAhead(options.slots, options.clock.now())
    this.#suspects = new Suspects(options.actionsModule !== undefined)
    this.#operator = new OperatorDrain({ ...options, stop: (how) => this.stop(how) })
    const secretNames = options.actions.list().flatMap(({ secrets = [] }) => secrets)
    this.#cells = new Cells({ ...options, worker: () => this.#signedOn().worker, secretNames: new Set(secretNames) })
  }

  running(): number {
    return this.#runs.size
  }

  async start(): Promise<void> {
    const drain = this.#operator.hear.bind(this.#operator)
    const ways = { welcome: () => this.#signedOn(), runs: this.#runs, drain, ended: this.#ended.signal }
    const signedOn = this.#signOn()
    this.#claiming = signedOn.then(
      () => {
        void listenForNews({ ...this.#options, ...ways })
        return this.#turns()
      },
      () => {},
    )
    await signedOn
  }

  #drain(on: boolean, execution: string): void {
    const { protocol, log } = this.#options
    if (on) {
      log('error', 'A handler ignores its abort; nothing more is claimed until it ends.', { execution })
      void this.#handBackAll(this.#ahead.takeOlder(Number.POSITIVE_INFINITY))
    }
    this.#roomMade()
    protocol.drain(this.#signedOn().worker, on).catch((thrown: unknown) => {
      log('warn', `Reporting the drain failed: ${classify(thrown).message}`, {})
    })
  }

  async #turns(): Promise<void> {
    const { clock, random, log } = this.#options
    for (let failures = 0; !this.#stopping.signal.aborted; ) {
      try {
        if (this.#isUnknown) await this.#signOn()
        await this.#turn()
        failures = 0
      } catch (thrown) {
        failures += 1
        const { errorClass, message } = classify(thrown)
        if (thrown instanceof Refused && thrown.code === 'worker_unknown') this.#isUnknown = true
        else if (!this.#stopping.signal.aborted) log('warn', `Claiming failed: ${message}`, { errorClass, failures })
        await clock.sleep(pauseMs(failures, random), this.#stopping.signal).catch(() => {})
      }
    }
  }

  /** Claims what fits into the free slots, and a little ahead of fast handlers; the claim stands until there is work. */
  async #turn(): Promise<void> {
    const { protocol, clock } = this.#options
    const mayClaim = !this.#ignored.any && this.#runs.size - this.#busy <= settlingMax
    const room = mayClaim ? this.#ahead.room(this.#busy, clock.now()) : 0
    const others = this.#held + this.#ahead.size
    if (room === 0 || this.#suspects.isClosed(others)) {
      await new Promise<void>((resolve) => {
        this.#roomMade = resolve
      })
      return
    }
    const { worker, pollMs } = this.#signedOn()
    const alone = Math.min(room, this.#suspects.room(others))
    const askedAt = clock.now()
    const claimed = await protocol.claim({ worker, limit: room, alone, waitMs: pollMs })
    this.#ahead.answered(claimed.length === room, clock.now() - askedAt)
    if (alone > 0) this.#suspects.asked()
    if (this.#ignored.any) return await this.#handBackAll(claimed)
    for (const each of claimed) if (Suspects.is(each)) this.#suspects.begun()
    this.#ahead.put(claimed, clock.now())
    this.#fillSlots()
  }

  #fillSlots(): void {
    const { slots, clock } = this.#options
    while (this.#busy < slots && !this.#stopping.signal.aborted) {
      const claimed = this.#ahead.next()
      if (claimed === undefined) break
      this.#busy += 1
      this.#held += 1
      this.#ahead.begun(clock.now())
      this.#runs.begin(claimed, (run) => this.#hold(claimed, run))
    }
    if (this.#ahead.size > 0) this.#returnLater()
    this.#roomMade()
  }

  /** What finds no slot in time goes back at no cost; its lease is not renewed meanwhile. */
  #returnLater(): void {
    const { clock } = this.#options
    const { leaseMs } = this.#signedOn()
    const patienceMs = Math.min(waitingMsMax, leaseMs / 4)
    this.#returning ??= clock.timer(patienceMs, () => {
      this.#returning = undefined
      void this.#handBackAll(this.#ahead.takeOlder(clock.now() - patienceMs))
      if (this.#ahead.size > 0) this.#returnLater()
    })
  }

  async #handBackAll(claimed: readonly Claimed[]): Promise<void> {
    if (claimed.length === 0) return
    const { worker } = this.#signedOn()
    await Promise.all(claimed.map((each) => handBack(worker, each, this.#options)))
    for (const each of claimed) if (Suspects.is(each)) this.#suspects.ended()
  }

  async #hold(claimed: Claimed, run: LiveRun): Promise<void> {
    const heart = this.#heart
    heart?.hold(run.lease)
    try {
      await this.#runAndSettle(claimed, run)
    } catch (thrown) {
      // A lease that ran out while the other side was away is a loss like any other; whoever holds it now goes on.
      const { message, errorClass } = classify(thrown)
      const level = errorClass === 'LeaseLost' ? 'warn' : 'error'
      this.#options.log(level, `An execution could not be settled: ${message}`, { execution: run.publicId })
    } finally {
      heart?.release(run.lease)
      this.#held -= 1
      if (Suspects.is(claimed)) this.#suspects.ended()
      this.#roomMade()
    }
  }

  async #runAndSettle(claimed: Claimed, run: LiveRun): Promise<void> {
    const { protocol, actions, clock, random, log } = this.#options
    const { worker } = this.#signedOn()
    const { request, execution } = claimed
    const action = actions.get(request.action, request.actionVersion)
    if (action === undefined) {
      this.#freeSlot()
      // The store hands out only what this worker signed on for, so this is a fault and not a way to wait.
      throw new Error(`this worker has no action ${request.action} version ${request.actionVersion}`)
    }
    const patience = {
      clock,
      random,
      isOver: () => run.isLost,
      onUnanswered: (command: string, times: number, why: string) =>
        log('warn', `No answer to ${command}: ${why}`, { execution: request.publicId, times }),
    }
    const work: Work = (command) => untilAnswered(protocol, { worker, id: execution.id, command }, patience)
    const kept = this.#keepLog(claimed, work)
    const ports = { protocol, actions, policies: this.#policies, retry: this.#options.retry, patience }
    const spawner = spawnerOf(claimed, worker, ports)
    const command = await this.#perform({ claimed, action, run, work, spawner, kept })
    // On the way before the settling, so that both share a commit.
    const told = kept.finish()
    const answer = command === null ? null : await work(command)
    await told
    if (answer === null || isRefusal(answer)) {
      const reason = answer?.reason ?? 'the lease is lost'
      log('warn', `Nothing more is written about this execution: ${reason}`, { execution: request.publicId })
    }
  }

  /** Runs it here or in a process of its own, and gives the command that ends the claim. */
  async #perform({ claimed, action, run, ...ways }: Performance): Promise<WorkerCommand | null> {
    const { clock, log, artifacts, secrets, retry, transactions, actionsModule } = this.#options
    const isApart = Suspects.is(claimed) && actionsModule !== undefined
    const limits = isApart ? suspectLimits(action, actionsModule) : limitsOf(action, actionsModule)
    const ports = { ...ways, clock, abort: run.abort, bell: run.bell, artifacts, secrets, log, retry, transactions }
    if (limits !== null) {
      const onKill = (kill: () => void): void => {
        run.kill = kill
      }
      const isolated = { ...ports, cells: this.#cells, onKill }
      return await runIsolated(claimed, action, limits, isolated).finally(() => this.#freeSlot())
    }
    const { worker } = this.#signedOn()
    const outcome = await runExecution(claimed, action, { ...ports, worker }).finally(() => this.#freeSlot())
    return await settlement(outcome, claimed.execution, action, retry, artifacts)
  }

  #keepLog({ execution, request }: Claimed, work: Work): KeptLog {
    const { clock, log, keepLogs = 'info' } = this.#options
    const onLost = (why: string): void =>
      log('warn', `What the handler says is no longer kept: ${why}`, { execution: request.publicId })
    return new KeptLog({ fence: execution.fence, level: keepLogs, clock, work, onLost })
  }

  #freeSlot(): void {
    this.#busy -= 1
    this.#ahead.ended(this.#options.clock.now())
    this.#fillSlots()
  }

  async #signOn(): Promise<void> {
    const { protocol, actions, actionsModule, identity, incarnation, host, slots, role, clock, random, log } =
      this.#options
    const isolates = actionsModule !== undefined
    const names = actions.list().map(({ name, version }) => ({ action: name, version }))
    for (let failures = 1; ; failures += 1) {
      try {
        const welcome = await protocol.register({
          identity,
          incarnation,
          ...host,
          actions: names,
          slots,
          isolates,
          role,
        })
        await this.#heart?.stop()
        this.#welcome = welcome
        this.#isUnknown = false
        this.#heart = this.#makeHeart(welcome)
        await this.#heart.ready
        return
      } catch (thrown) {
        const { retryable, message } = classify(thrown)
        if (!retryable || thrown instanceof Refused || this.#stopping.signal.aborted) throw thrown
        log('warn', `Signing on failed: ${message}`, { failures })
        await clock.sleep(pauseMs(failures, random), this.#stopping.signal)
      }
    }
  }

  #makeHeart(welcome: Welcome): Heart {
    const { protocol, clock, heart } = this.#options
    const news: HeartNews = {
      lost: (lease, reason) => this.#runs.lose(lease, reason),
      cancel: (lease) => this.#runs.cancel(lease),
      unknown: () => {
        this.#isUnknown = true
        this.#ahead.takeOlder(Number.POSITIVE_INFINITY)
        this.#runs.loseAll('this worker was declared gone')
      },
      suspects: () => this.#suspects.heard(),
      drain: (asked) => this.#operator.hear(asked),
    }
    if (heart !== undefined) return heart(welcome, news)
    return timerHeart(clock, welcome, (beat) => protocol.heartbeat({ worker: welcome.worker, ...beat }), news)
  }

  #signedOn(): Welcome {
    if (this.#welcome !== undefined) return this.#welcome
    throw new Error('the worker has not signed on')
  }

  async stop({ graceMs = 10_000, abortMs = 2_000 }: StopOptions = {}): Promise<Stopped> {
    const { clock, protocol, log } = this.#options
    this.#stopping.abort(new ShuttingDown())
    this.#roomMade()
    await this.#claiming
    this.#returning?.cancel()
    await this.#handBackAll(this.#ahead.takeOlder(Number.POSITIVE_INFINITY))
    await this.#runs.allEnd(clock, graceMs)
    this.#runs.shutDown()
    await this.#runs.allEnd(clock, abortMs)
    await this.#cells.stop()
    const abandoned = this.#runs.publicIds()
    if (abandoned.length > 0) {
      // Signing off would call a process dead that may still act; only its end frees what these handlers hold.
      log('error', 'Handlers ignored the abort; only the end of this process frees them.', { abandoned })
    } else if (this.#welcome !== undefined) {
      await protocol.signOff(this.#welcome.worker).catch((thrown: unknown) => {
        log('warn', `Signing off failed: ${classify(thrown).message}`, {})
      })
    }
    this.#ended.abort(new ShuttingDown())
    await this.#heart?.stop()
    return { abandoned }
  }
}
