import type { ActionRegistry } from './action/action.ts'
import type { Claimed, Hello } from './commit/order.ts'
import { Canceled, classify, LeaseLost } from './errors/failures.ts'
import { isRefusal, Refused } from './errors/refusal.ts'
import type { Random } from './identity/random.ts'
import type { Welcome, WorkerProtocol } from './protocol/protocol.ts'
import { pauseMs, untilAnswered } from './protocol/steadfast.ts'
import type { ArtifactStore } from './run/artifacts.ts'
import type { RunLog } from './run/context.ts'
import { ShuttingDown } from './run/halt.ts'
import { type Heart, type HeartNews, type Lease, timerHeart } from './run/heart.ts'
import { runExecution } from './run/run.ts'
import type { SecretSource } from './run/secrets.ts'
import { settlement } from './settle/settle.ts'
import type { RetryPolicy } from './time/backoff.ts'
import type { Clock } from './time/clock.ts'

export interface WorkerOptions {
  readonly protocol: WorkerProtocol
  readonly actions: ActionRegistry
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

export interface StopOptions {
  /** Milliseconds for handlers to end by themselves; 10 s by default. */
  readonly graceMs?: number | undefined
  /** Milliseconds for handlers to end after they were aborted; 2 s by default. */
  readonly abortMs?: number | undefined
}

export interface Stopped {
  /** Executions whose handler ignored the abort. They are not handed back: only the end of the process frees them. */
  readonly abandoned: readonly string[]
}

/** A worker: claims, runs and settles, over whatever carries its protocol. */
export function createWorker(options: WorkerOptions): Worker {
  return new ClaimingWorker(options)
}

interface Run {
  readonly lease: Lease
  readonly publicId: string
  readonly abort: AbortController
  /** The lease cannot hold any more, whatever the abort said first. */
  isLost: boolean
  done: Promise<void>
}

class ClaimingWorker implements Worker {
  readonly #options: WorkerOptions
  readonly #runs = new Set<Run>()
  /** The newest run of each execution; an older one may still be on its way out. */
  readonly #newest = new Map<number, Run>()
  #welcome: Welcome | undefined
  #heart: Heart | undefined
  #isStopping = false
  #isUnknown = false
  #loop: Promise<void> = Promise.resolve()
  #freed: (() => void) | undefined
  readonly #stopping = new AbortController()

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  running(): number {
    return this.#runs.size
  }

  async start(): Promise<void> {
    const signOn = this.#signOn()
    this.#loop = signOn.then(
      () => this.#turns(),
      () => {},
    )
    await signOn
  }

  async #turns(): Promise<void> {
    for (let unanswered = 0; !this.#isStopping; ) {
      try {
        if (this.#isUnknown) await this.#signOn()
        await this.#turn()
        unanswered = 0
      } catch (thrown) {
        if (this.#isStopping) return
        unanswered += 1
        const { errorClass, message } = classify(thrown)
        if (thrown instanceof Refused && thrown.code === 'worker_unknown') this.#isUnknown = true
        else this.#options.log('warn', `Claiming failed: ${message}`, { errorClass, unanswered })
        await this.#options.clock
          .sleep(pauseMs(unanswered, this.#options.random), this.#stopping.signal)
          .catch(() => {})
      }
    }
  }

  async #turn(): Promise<void> {
    const { slots, protocol } = this.#options
    if (this.#runs.size >= slots) {
      await new Promise<void>((resolve) => {
        this.#freed = resolve
      })
      return
    }
    const { worker, pollMs } = this.#signedOn()
    const claimed = await protocol.claim({ worker, limit: slots - this.#runs.size, waitMs: pollMs })
    for (const each of claimed) {
      if (this.#isStopping) await this.#handBack(worker, each)
      else this.#begin(each)
    }
  }

  /** Work that arrived after the stop: it goes back unseen and costs no attempt. */
  async #handBack(worker: number, { execution }: Claimed): Promise<void> {
    const { protocol, clock, random } = this.#options
    const call = { worker, id: execution.id, command: { type: 'hand_back', fence: execution.fence } } as const
    // One repetition: a lease that could not be handed back runs out by itself, and the stop is not delayed by it.
    let repetitions = 0
    const isOver = (): boolean => ++repetitions > 1
    await untilAnswered(protocol, call, { clock, random, isOver }).catch(() => {})
  }

  #begin(claimed: Claimed): void {
    const { id, fence } = claimed.execution
    const lease: Lease = { id, fence }
    const earlier = this.#newest.get(id)
    if (earlier !== undefined) lose(earlier, 'the execution was claimed again')
    const abort = new AbortController()
    const run: Run = { lease, publicId: claimed.request.publicId, abort, isLost: false, done: Promise.resolve() }
    this.#runs.add(run)
    this.#newest.set(id, run)
    this.#heart?.hold(lease)
    // Nothing runs beside an earlier run of the same execution, even if that one has lost its lease.
    run.done = Promise.resolve(earlier?.done)
      .then(() => this.#runAndSettle(claimed, run))
      .catch((thrown: unknown) =>
        this.#options.log('error', `An execution could not be settled: ${classify(thrown).message}`, {
          execution: run.publicId,
        }),
      )
      .finally(() => {
        this.#heart?.release(lease)
        this.#runs.delete(run)
        if (this.#newest.get(id) === run) this.#newest.delete(id)
        this.#freed?.()
      })
  }

  async #runAndSettle(claimed: Claimed, run: Run): Promise<void> {
    const { protocol, actions, clock, random, log, artifacts, secrets, retry } = this.#options
    const { worker } = this.#signedOn()
    const { request, execution } = claimed
    const { lease, abort } = run
    const isOver = (): boolean => run.isLost
    const work = (command: Parameters<WorkerProtocol['work']>[2]) =>
      untilAnswered(protocol, { worker, id: lease.id, command }, { clock, random, isOver })
    const action = actions.get(request.action, request.actionVersion)
    if (action === undefined) {
      // The store hands out only what this worker signed on for, so this is a fault and not a way to wait.
      throw new Error(`this worker has no action ${request.action} version ${request.actionVersion}`)
    }
    const outcome = await runExecution(claimed, action, { worker, clock, work, abort, artifacts, secrets, log })
    const command = await settlement(outcome, execution, action, retry)
    const answer = command === null ? null : await work(command)
    if (answer === null || isRefusal(answer)) {
      const reason = answer?.reason ?? 'the lease is lost'
      log('warn', `Nothing more is written about this execution: ${reason}`, { execution: request.publicId })
    }
  }

  async #signOn(): Promise<void> {
    const { protocol, actions, identity, incarnation, host, slots, clock, random, log } = this.#options
    const hello: Hello = {
      identity,
      incarnation,
      ...host,
      actions: actions.list().map(({ name, version }) => ({ action: name, version })),
      slots,
    }
    for (let unanswered = 1; ; unanswered += 1) {
      try {
        const welcome = await protocol.register(hello)
        await this.#heart?.stop()
        this.#welcome = welcome
        this.#isUnknown = false
        this.#heart = this.#makeHeart(welcome)
        return
      } catch (thrown) {
        const { retryable, message } = classify(thrown)
        if (!retryable || thrown instanceof Refused || this.#isStopping) throw thrown
        log('warn', `Signing on failed: ${message}`, { unanswered })
        await clock.sleep(pauseMs(unanswered, random), this.#stopping.signal)
      }
    }
  }

  #makeHeart(welcome: Welcome): Heart {
    const { protocol, clock, heart } = this.#options
    const news: HeartNews = {
      lost: (lease, reason) => {
        const run = this.#runOf(lease)
        if (run !== undefined) lose(run, reason)
      },
      cancel: (lease) => this.#runOf(lease)?.abort.abort(new Canceled('Somebody asked to cancel this execution.')),
      unknown: () => {
        this.#isUnknown = true
        for (const run of this.#runs) lose(run, 'this worker was declared gone')
      },
    }
    if (heart !== undefined) return heart(welcome, news)
    return timerHeart(clock, welcome, (beat) => protocol.heartbeat({ worker: welcome.worker, ...beat }), news)
  }

  #runOf({ id, fence }: Lease): Run | undefined {
    const run = this.#newest.get(id)
    return run?.lease.fence === fence ? run : undefined
  }

  #signedOn(): Welcome {
    if (this.#welcome === undefined) throw new Error('the worker has not signed on')
    return this.#welcome
  }

  async stop({ graceMs = 10_000, abortMs = 2_000 }: StopOptions = {}): Promise<Stopped> {
    const { clock, protocol, log } = this.#options
    this.#isStopping = true
    this.#stopping.abort(new ShuttingDown())
    this.#freed?.()
    await this.#loop
    await this.#allDone(clock, graceMs)
    for (const { abort } of this.#runs) abort.abort(new ShuttingDown())
    await this.#allDone(clock, abortMs)
    const abandoned = [...this.#runs].map((run) => run.publicId)
    if (abandoned.length > 0)
      log('error', 'Handlers ignored the abort; only the end of this process frees them.', { abandoned })
    else if (this.#welcome !== undefined) {
      await protocol.signOff(this.#welcome.worker).catch((thrown: unknown) => {
        log('warn', `Signing off failed: ${classify(thrown).message}`, {})
      })
    }
    await this.#heart?.stop()
    return { abandoned }
  }

  /** Waits for every run to be settled, for `ms` at most. */
  async #allDone(clock: Clock, ms: number): Promise<void> {
    if (this.#runs.size === 0) return
    const patience = new AbortController()
    const done = Promise.all([...this.#runs].map((run) => run.done)).then(() => patience.abort())
    await Promise.race([done, clock.sleep(ms, patience.signal).catch(() => {})])
  }
}

function lose(run: Run, reason: string): void {
  run.isLost = true
  run.abort.abort(new LeaseLost(`The lease is lost: ${reason}.`))
}
