import { join } from 'node:path'
import { Child } from './child.ts'
import { leftovers } from './leftovers.ts'
import type {
  Arrived,
  FromChild,
  KnownWorker,
  ServerOptions,
  SubmitCommand,
  SubmitOther,
  Submitted,
  TargetOptions,
  WebAddress,
  WorkerOptions,
  Written,
} from './messages.ts'
import { Onlooker } from './onlooker.ts'
import type { Times } from './profiles.ts'
import { Signal } from './signal.ts'

export interface DrillWorker {
  readonly child: Child
  readonly identity: string
  readonly elsewhere: boolean
  readonly overHttp: boolean
  /** Its incarnation in the store. */
  readonly key: number
  /** Writes that were refused, or that ended a run, as the worker itself was told. */
  readonly written: Written[]
  /** Public ids of executions about which it wrote nothing more. */
  readonly left: Set<string>
}

export interface ClusterOptions {
  readonly times: Times
  readonly embeddedSlots?: number
  readonly forgetful?: boolean | undefined
  readonly settings?: ServerOptions['settings'] | undefined
  readonly redisUrl?: string | undefined
  /** What the workers run instead of the drills' own work. */
  readonly actionsModule?: string | undefined
}

/** Somebody has come to the point where it is to be caught. */
export interface Caught extends Arrived {
  /** The process that waits: a worker, the server with its embedded one, or the target on somebody's behalf. */
  readonly by: Child
  goOn(): void
}

/** One store, one server, one target, any number of workers: all of them processes. */
export class Cluster {
  readonly signal = new Signal()
  readonly onlooker = new Onlooker()
  readonly workers = new Map<string, DrillWorker>()
  /** Every submit that was acknowledged: key and public id. */
  readonly acknowledged = new Map<string, Submitted>()
  readonly folder = leftovers.folder()
  readonly times: Times
  readonly errors: string[] = []
  /** What each process said of Redis, in order. */
  readonly redisNews: { readonly by: number; readonly what: 'away' | 'back' }[] = []
  /** Longest time by which the machine kept the server waiting. */
  heldUpMs = 0
  readonly #caught = new Map<string, Caught>()
  readonly #let = new Set<string>()
  target!: Child
  server!: Child
  isServing = false
  #web: WebAddress | undefined
  readonly #options: ClusterOptions

  constructor(options: ClusterOptions) {
    this.#options = options
    this.times = options.times
  }

  get database(): string {
    return join(this.folder, 'pawl.db')
  }

  get record(): string {
    return join(this.folder, 'requests.jsonl')
  }

  get #socket(): string {
    return join(this.folder, 'worker.sock')
  }

  async start(): Promise<void> {
    const { record, database } = this
    const options: TargetOptions = { record, database, forgetful: this.#options.forgetful ?? false }
    this.target = new Child('target', options, this.signal, (message) => this.#take(this.target, message))
    await this.#ready(this.target)
    await this.startServer()
    await this.serve()
  }

  /** Opens the store and frees what a former owner left; serves nobody yet. */
  async startServer(): Promise<{ readonly head: number; readonly freed: number }> {
    const options: ServerOptions = {
      path: this.database,
      socket: this.#socket,
      times: this.times,
      target: this.target.ready?.address ?? '',
      embeddedSlots: this.#options.embeddedSlots ?? 0,
      settings: this.#options.settings ?? {},
      redisUrl: this.#options.redisUrl ?? null,
      after: this.onlooker.position,
    }
    const server = new Child('server', options, this.signal, (message) => this.#take(server, message))
    this.server = server
    this.isServing = false
    return await this.#ready(server)
  }

  async serve(): Promise<void> {
    const { port, token } = this.#web ?? { port: 0, token: null }
    this.#web = await this.server.ask<WebAddress>({ serve: { port, token } })
    this.isServing = true
    this.signal.raise()
  }

  async addWorker(identity: string, { slots = 6, elsewhere = false, overHttp = false } = {}): Promise<DrillWorker> {
    const written: Written[] = []
    const left = new Set<string>()
    const target = this.target.ready?.address ?? ''
    const actionsModule = this.#options.actionsModule ?? null
    const carrier = this.#carrier(overHttp)
    const redisUrl = this.#options.redisUrl ?? null
    const options: WorkerOptions = { carrier, target, identity, slots, redisUrl, actionsModule, elsewhere }
    const child = new Child('worker', options, this.signal, (message) => {
      if ('written' in message) written.push(message.written)
      else if ('left' in message) left.add(message.left)
      else this.#take(child, message)
    })
    await this.#ready(child)
    const known = await this.server.ask<KnownWorker[]>({ workers: true })
    const key = known.findLast((worker) => worker.pid === child.pid && worker.identity === identity)?.key ?? -1
    const worker = { child, identity, elsewhere, overHttp, key, written, left }
    this.workers.set(identity, worker)
    return worker
  }

  async submitOther(command: SubmitOther): Promise<Submitted> {
    return await this.server.ask<Submitted>({ submitOther: command })
  }

  #carrier(overHttp: boolean): WorkerOptions['carrier'] {
    if (!overHttp) return { kind: 'socket', path: this.#socket }
    if (this.#web === undefined) throw new Error('the server does not serve HTTP yet')
    const { port, token } = this.#web
    return { kind: 'http', url: `http://127.0.0.1:${port}`, token }
  }

  /** @throws Error when the server ended before it acknowledged; the same key may be submitted again. */
  async submit(command: SubmitCommand): Promise<Submitted> {
    const submitted = await this.server.ask<Submitted>({ submit: command })
    this.acknowledged.set(command.key, submitted)
    this.signal.raise()
    return submitted
  }

  /** Waits for a run of this execution to come to its point, and keeps it there. Whoever comes later goes on. */
  async catch({ publicId }: Submitted): Promise<Caught> {
    const caught = await this.signal.until('a run to come to its point', () => this.#caught.get(publicId))
    this.#let.add(publicId)
    return caught
  }

  /** The worker that holds an execution now. */
  async holderOf({ id }: Submitted): Promise<DrillWorker> {
    return await this.signal.until('the holder of an execution to be known', () => {
      const holder = this.onlooker.of(id)?.holder
      return [...this.workers.values()].find(({ key }) => key === holder)
    })
  }

  /** Everybody ends, the server by closing its store. */
  async stop(): Promise<void> {
    await Promise.all([...this.workers.values()].map(({ child }) => child.end()))
    await this.server.ask({ stop: true })
    await Promise.all([this.server.exited, this.target.end()])
  }

  async discard(): Promise<void> {
    const workers = [...this.workers.values()].map(({ child }) => child)
    await Promise.all([this.server, this.target, ...workers].map((child) => child?.end()))
    leftovers.discard(this.folder)
  }

  async #ready(child: Child) {
    return await this.signal.until('a process to be ready', () => {
      if (child.hasExited) throw new Error('a process of the drill ended before it was ready')
      return child.ready
    })
  }

  #take(child: Child, message: FromChild): void {
    if ('rows' in message) this.onlooker.take(message.rows)
    else if ('redis' in message) this.redisNews.push({ by: child.pid, what: message.redis })
    else if ('said' in message) this.errors.push(message.said)
    else if ('lateMs' in message) this.heldUpMs = Math.max(this.heldUpMs, Math.ceil(message.lateMs))
    else if ('arrived' in message) {
      const { ticket } = message.arrived
      const goOn = (): void => child.tell(child === this.target ? { release: ticket } : { go: ticket })
      const caught: Caught = { ...message.arrived, by: child, goOn }
      if (this.#let.has(caught.execution)) goOn()
      else this.#caught.set(caught.execution, caught)
    }
  }
}
