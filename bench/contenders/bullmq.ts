import type { Closing, Contender, Hints } from '../contender.ts'
import { load } from '../peers.ts'
import { type Job, receipt } from '../workload.ts'

/** What is used of bullmq 6.7. */
interface BullMq {
  Queue: new (
    name: string,
    options: object,
  ) => {
    add(name: string, data: unknown): Promise<{ id?: string }>
    addBulk(jobs: readonly { name: string; data: unknown }[]): Promise<readonly unknown[]>
    getCompletedCount(): Promise<number>
    getJobState(id: string): Promise<string>
    obliterate(options: object): Promise<void>
    close(): Promise<void>
  }
  Worker: new (
    name: string,
    run: () => Promise<unknown>,
    options: object,
  ) => {
    on(event: string, listener: () => void): void
    waitUntilReady(): Promise<unknown>
    close(): Promise<void>
  }
}

const groupSize = 1_000
const concurrency = 100

/** BullMQ on a Redis that syncs every command to disk; done jobs stay, so that their end can be read. */
export class BullMqContender implements Contender {
  readonly #connection: object
  #library: BullMq | undefined
  #number = 0
  #name = ''
  #queue: InstanceType<BullMq['Queue']> | undefined
  #worker: InstanceType<BullMq['Worker']> | undefined

  constructor(url: string) {
    const { hostname, port } = new URL(url)
    this.#connection = { host: hostname, port: Number(port), maxRetriesPerRequest: null }
  }

  async open(): Promise<void> {
    this.#library ??= await load<BullMq>('bullmq')
    this.#name = `bench-${process.pid}-${++this.#number}`
    this.#queue = new this.#library.Queue(this.#name, { connection: this.#connection })
  }

  async submitBulk(jobs: readonly Job[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += groupSize) {
      await this.#queue?.addBulk(jobs.slice(from, from + groupSize).map((data) => ({ name: 'job', data })))
    }
  }

  async submit(job: Job): Promise<string> {
    return String((await this.#queue?.add('job', job))?.id)
  }

  async submitBesideWorker(jobs: readonly Job[]): Promise<void> {
    await this.submitBulk(jobs)
  }

  async startWorker({ onRun, onEnd }: Hints): Promise<void> {
    if (this.#library === undefined) throw new Error('bullmq is not loaded')
    const run = async (): Promise<unknown> => {
      onRun()
      return receipt
    }
    this.#worker = new this.#library.Worker(this.#name, run, { connection: this.#connection, concurrency })
    this.#worker.on('completed', onEnd)
    await this.#worker.waitUntilReady()
  }

  async completed(): Promise<number> {
    return (await this.#queue?.getCompletedCount()) ?? 0
  }

  async isCompleted(id: string): Promise<boolean> {
    return (await this.#queue?.getJobState(id)) === 'completed'
  }

  async close(): Promise<Closing> {
    await this.#worker?.close()
    this.#worker = undefined
    await this.#queue?.obliterate({ force: true })
    await this.#queue?.close()
    return {}
  }
}
