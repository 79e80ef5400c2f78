import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import type { Closing, Contender, Hints } from '../contender.ts'
import { load } from '../peers.ts'
import { type Job, receipt } from '../workload.ts'

/** What is used of plainjob 0.0.14 and better-sqlite3 13. */
interface PlainJob {
  better(database: object): { pragma(text: string): unknown }
  defineQueue(options: object): {
    add(type: string, data: unknown): { id: number | bigint }
    addMany(type: string, data: readonly unknown[]): unknown
    countJobs(query: object): number
    getJobById(id: number): { status: number } | undefined
    close(): void
  }
  defineWorker(
    type: string,
    run: () => Promise<unknown>,
    options: object,
  ): { start(): Promise<void>; stop(): Promise<void> }
}

const done = 2
const groupSize = 1_000
const quiet = { error() {}, warn() {}, info() {}, debug() {} }

/** plainjob with every commit synced to disk: as it is shipped, a power loss may take acknowledged jobs with it. */
export class PlainJobContender implements Contender {
  #library: PlainJob | undefined
  #folder: string | undefined
  #queue: ReturnType<PlainJob['defineQueue']> | undefined
  #worker: ReturnType<PlainJob['defineWorker']> | undefined

  async open(): Promise<void> {
    this.#library ??= await load<PlainJob>('plainjob')
    const Database = (await load<{ default: new (path: string) => object }>('better-sqlite3')).default
    this.#folder = mkdtempSync(join(tmpdir(), 'pawl-bench-plainjob-'))
    const connection = this.#library.better(new Database(join(this.#folder, 'jobs.db')))
    this.#queue = this.#library.defineQueue({ connection, logger: quiet })
    // After defineQueue, which sets NORMAL.
    connection.pragma('synchronous = FULL')
  }

  async submitBulk(jobs: readonly Job[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += groupSize) {
      this.#queue?.addMany('job', jobs.slice(from, from + groupSize))
      await turn()
    }
  }

  async submit(job: Job): Promise<string> {
    return String(this.#queue?.add('job', job).id)
  }

  async submitBesideWorker(jobs: readonly Job[]): Promise<void> {
    await this.submitBulk(jobs)
  }

  async startWorker({ onRun, onEnd }: Hints): Promise<void> {
    const run = async (): Promise<unknown> => {
      onRun()
      return receipt
    }
    // The option is spelt with two l in this version; 1 ms is a busy poll and the quickest it can do.
    const options = { queue: this.#queue, logger: quiet, pollIntervall: 1, onCompleted: onEnd }
    this.#worker = this.#library?.defineWorker('job', run, options)
    void this.#worker?.start()
  }

  async completed(): Promise<number> {
    return this.#queue?.countJobs({ type: 'job', status: done }) ?? 0
  }

  async isCompleted(id: string): Promise<boolean> {
    return this.#queue?.getJobById(Number(id))?.status === done
  }

  async close(): Promise<Closing> {
    await this.#worker?.stop()
    this.#worker = undefined
    this.#queue?.close()
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true })
    return {}
  }
}
