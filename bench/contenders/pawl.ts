import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { z } from 'zod'
import type { Log } from '../../src/engine.ts'
import { internalId } from '../../src/identity/public-id.ts'
import { action, createPawl, isRefusal, Refused } from '../../src/pawl.ts'
import { sqlite } from '../../src/sqlite.ts'
import type { Closing, Contender, Hints } from '../contender.ts'
import { verifyStore } from '../verify/verify-store.ts'
import { type Job, receipt } from '../workload.ts'

/** Submissions that are on their way at any time where many callers are shown. */
const inFlight = 1_000

const input = z.object({ customer: z.string(), amount: z.number(), currency: z.string(), note: z.string() })

/** Pawl as a program embeds it: default options, the whole path, every submission with an idempotency key. */
export class PawlContender implements Contender {
  readonly #writer: 'thread' | 'inline'
  #folder = ''
  #path = ''
  #pawl: Awaited<ReturnType<PawlContender['create']>> | undefined
  #reader: DatabaseSync | undefined
  #count: StatementSync | undefined
  #state: StatementSync | undefined
  #onRun = (): void => {}

  constructor(writer: 'thread' | 'inline') {
    this.#writer = writer
  }

  private async create() {
    const job = action({
      name: 'bench.job',
      version: 1,
      input,
      run: async () => {
        this.#onRun()
        return receipt
      },
    })
    const store =
      this.#writer === 'thread' ? `sqlite:${this.#path}` : await sqlite({ path: this.#path, writer: this.#writer })
    return await createPawl({ store, actions: [job], dataDir: this.#folder, log })
  }

  async open(): Promise<void> {
    this.#folder = mkdtempSync(join(tmpdir(), 'pawl-bench-'))
    this.#path = join(this.#folder, 'pawl.db')
    this.#pawl = await this.create()
    // A look from outside, past everything that Pawl itself says.
    this.#reader = new DatabaseSync(this.#path, { readOnly: true, timeout: 5_000 })
    this.#count = this.#reader.prepare('select count(*) as n from outcomes')
    this.#state = this.#reader.prepare('select state from executions where id = ?')
  }

  async submitBulk(jobs: readonly Job[]): Promise<void> {
    for (let from = 0; from < jobs.length; from += inFlight) {
      const answers = await opened(this.#pawl).submitMany(jobs.slice(from, from + inFlight).map(request))
      for (const answer of answers) if (isRefusal(answer)) throw new Refused(answer)
    }
  }

  async submit(job: Job): Promise<string> {
    return (await opened(this.#pawl).submit(request(job))).id
  }

  /** One by one, as callers do: a thousand submissions are on their way at any time. */
  async submitBesideWorker(jobs: readonly Job[]): Promise<void> {
    let next = 0
    const caller = async (): Promise<void> => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) await this.submit(job)
    }
    await Promise.all(Array.from({ length: inFlight }, caller))
  }

  async startWorker({ onRun, onEnd }: Hints): Promise<void> {
    const pawl = opened(this.#pawl)
    this.#onRun = onRun
    pawl.engine.host.onCommit(onEnd)
    await pawl.start()
  }

  async completed(): Promise<number> {
    return Number(opened(this.#count).get()?.n)
  }

  async isCompleted(id: string): Promise<boolean> {
    const key = internalId(id, opened(this.#pawl).engine.host.idKey)
    return opened(this.#state).get(key)?.state === succeeded
  }

  async close(): Promise<Closing> {
    const walBytes = statSync(`${this.#path}-wal`).size
    this.#reader?.close()
    await this.#pawl?.stop()
    const found = { ...verifyStore(this.#path), walBytes }
    rmSync(this.#folder, { recursive: true, force: true })
    return found
  }
}

const succeeded = 7

const request = (job: Job) => ({ action: 'bench.job' as const, input: job, key: job.customer })

const log: Log = (level, message, fields) => {
  if (level === 'warn' || level === 'error') console.error(`Pawl ${level}: ${message}`, fields)
}

function opened<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('the store is not open')
  return value
}
