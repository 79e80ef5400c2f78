import type { Closing, Contender, Hints } from '../contender.ts'
import { load } from '../peers.ts'
import { type Job, receipt } from '../workload.ts'

/** What is used of graphile-worker 0.18. */
interface GraphileWorker {
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>
    addJob(name: string, payload: unknown): Promise<{ id: string }>
    addJobs(jobs: readonly { identifier: string; payload: unknown }[]): Promise<readonly unknown[]>
    release(): Promise<void>
  }>
  run(options: object): Promise<{ stop(): Promise<void>; events: { on(name: string, listener: () => void): void } }>
  Logger: new (factory: () => () => void) => object
}

interface Pg {
  Pool: new (
    options: object,
  ) => {
    query(text: string, values?: readonly unknown[]): Promise<{ rows: readonly Record<string, unknown>[] }>
    end(): Promise<void>
  }
}

/** Sizes found by trial: larger groups gain nothing, smaller ones lose. */
const groupSize = 1_000
const streamSize = 500
const streams = 2

/** Graphile Worker in the best configuration found; it deletes what is done, so "completed" is "not there any more". */
export class GraphileContender implements Contender {
  readonly #url: string
  readonly #preset: object
  #schema = ''
  #number = 0
  #added = 0
  #pool: InstanceType<Pg['Pool']> | undefined
  #utils: Awaited<ReturnType<GraphileWorker['makeWorkerUtils']>> | undefined
  #runner: Awaited<ReturnType<GraphileWorker['run']>> | undefined
  #library: GraphileWorker | undefined

  constructor(url: string, worker: object) {
    this.#url = url
    this.#preset = worker
  }

  async open(): Promise<void> {
    this.#library ??= await load<GraphileWorker>('graphile-worker')
    const { Pool } = (await load<{ default: Pg }>('pg')).default
    this.#schema = `bench_${process.pid}_${++this.#number}`
    this.#added = 0
    this.#pool ??= new Pool({ connectionString: this.#url, max: 20 })
    this.#utils = await this.#library.makeWorkerUtils(this.#options({ maxPoolSize: 12 }))
    await this.#utils.migrate()
  }

  #options(worker: object): object {
    const logger = this.#library === undefined ? undefined : new this.#library.Logger(() => () => {})
    return { preset: { worker: { connectionString: this.#url, schema: this.#schema, logger, ...worker } } }
  }

  async submitBulk(jobs: readonly Job[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += groupSize) await this.#add(jobs.slice(from, from + groupSize))
  }

  async #add(jobs: readonly Job[]): Promise<void> {
    await this.#utils?.addJobs(jobs.map((payload) => ({ identifier: 'job', payload })))
    this.#added += jobs.length
  }

  async submit(job: Job): Promise<string> {
    const added = await this.#utils?.addJob('job', job)
    this.#added += 1
    return String(added?.id)
  }

  async submitBesideWorker(jobs: readonly Job[]): Promise<void> {
    let next = 0
    const stream = async (): Promise<void> => {
      while (next < jobs.length) {
        const from = next
        next += streamSize
        await this.#add(jobs.slice(from, from + streamSize))
      }
    }
    await Promise.all(Array.from({ length: streams }, stream))
  }

  async startWorker({ onRun, onEnd }: Hints): Promise<void> {
    if (this.#library === undefined) throw new Error('graphile-worker is not loaded')
    this.#runner = await this.#library.run({
      ...this.#options({ ...this.#preset, maxPoolSize: 12 }),
      noHandleSignals: true,
      taskList: {
        job: async () => {
          onRun()
          return receipt
        },
      },
    })
    this.#runner.events.on('job:complete', onEnd)
  }

  async completed(): Promise<number> {
    const found = await this.#pool?.query(`select count(*)::int as n from "${this.#schema}"._private_jobs`)
    return this.#added - Number(found?.rows[0]?.n)
  }

  async isCompleted(id: string): Promise<boolean> {
    const found = await this.#pool?.query(`select 1 from "${this.#schema}"._private_jobs where id = $1`, [id])
    return found?.rows.length === 0
  }

  async close(): Promise<Closing> {
    await this.#runner?.stop()
    this.#runner = undefined
    await this.#utils?.release()
    await this.#pool?.query(`drop schema "${this.#schema}" cascade`)
    await this.#pool?.end()
    this.#pool = undefined
    return {}
  }
}
