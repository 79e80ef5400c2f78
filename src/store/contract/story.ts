import type { Execution, Request } from '../../execution/execution.ts'
import type { Admitted, Changes, LogRow, Update } from '../rows.ts'
import type { StoreSession, Views } from '../store.ts'
import * as build from './builders.ts'
import type { Harness, Opened, Shell } from './harness.ts'

/** What happens to a few executions, a commit at a time: the way to any state a test needs. */
export class Story {
  readonly store: Opened

  private constructor(store: Opened) {
    this.store = store
  }

  /** An empty store with one queue and one worker. */
  static async begin(harness: Harness): Promise<Story> {
    const story = new Story(await harness.open())
    const queues = [
      { key: build.queueKey, action: 'quote.render', version: 1 },
      { key: 2, action: 'crm.sync', version: 3 },
    ]
    await story.commit({ queues, workers: [build.aWorker(build.workerKey)] })
    return story
  }

  static async tell(harness: Harness, tell: (story: Story) => Promise<void>): Promise<void> {
    const story = await Story.begin(harness)
    try {
      await tell(story)
    } finally {
      await story.store.close()
    }
  }

  get session(): StoreSession {
    return this.store.session
  }

  get shell(): Shell {
    return this.store.shell
  }

  views(): Promise<Views> {
    return Promise.resolve(this.store.views())
  }

  async commit(some: Partial<Changes>): Promise<readonly number[]> {
    await this.session.begin()
    try {
      const { stale } = await this.session.write(build.changes(some))
      await this.session.commit()
      return stale
    } catch (thrown) {
      await this.session.rollback()
      throw thrown
    }
  }

  /** Writes inside an open transaction and leaves it open. */
  async commitless(admitted: readonly Admitted[]): Promise<void> {
    await this.session.write(build.changes({ admitted }))
  }

  async position(): Promise<number> {
    return (await this.session.counters()).position
  }

  /** Admits executions, each shaped by `some`, in one commit with one event row. */
  async admit(...some: readonly Shape[]): Promise<readonly Execution[]> {
    const admitted = await this.prepare(...some)
    const executions = admitted.map(({ execution }) => execution)
    await this.commit({ admitted, log: [build.logOfAdmitted(await this.position(), executions)] })
    return executions
  }

  async prepare(...some: readonly Shape[]): Promise<readonly Admitted[]> {
    const { execution: first, position } = await this.session.counters()
    return some.map(({ request, execution }, index) => {
      const tenant = request?.tenant ?? execution?.tenant ?? 'acme'
      return {
        request: build.aRequest(first + index, { position, ...request, tenant }),
        execution: build.aQueued(first + index, { head: position, ...execution, tenant }),
      }
    })
  }

  /** Commits one event of a kind for each execution, and returns the rows as they are then. */
  async change(
    type: LogRow['type'],
    executions: readonly Execution[],
    to: (was: Execution, position: number) => Execution,
    beside: Partial<Changes> = {},
    log: Partial<LogRow> = {},
  ): Promise<readonly Execution[]> {
    const position = await this.position()
    const updates: readonly Update[] = executions.map((was) => ({ was, is: to(was, position) }))
    await this.commit({ log: [build.logOf(position, type, updates, log)], updates, ...beside })
    return updates.map(({ is }) => is)
  }

  claim(executions: readonly Execution[], some: Partial<Execution> = {}): Promise<readonly Execution[]> {
    return this.change('claim', executions, (was, position) => build.claimed(was, position, some))
  }

  async succeed(executions: readonly Execution[]): Promise<readonly Execution[]> {
    const position = await this.position()
    const outcomes = executions.map((was) => build.anOutcome(build.succeeded(was, position)))
    return this.change('succeed', executions, build.succeeded, { outcomes })
  }

  /** Any other event: the next number, a new head and what is given. */
  move(
    type: LogRow['type'],
    executions: readonly Execution[],
    set: Partial<Execution>,
    log: Partial<LogRow> = {},
  ): Promise<readonly Execution[]> {
    const leaves = set.state !== undefined && set.state !== 'running'
    const released = leaves ? { worker: null, leaseUntil: null } : {}
    return this.change(type, executions, (was, head) => ({ ...was, ...released, n: was.n + 1, head, ...set }), {}, log)
  }
}

export interface Shape {
  readonly request?: Partial<Request> | undefined
  readonly execution?: Partial<Execution> | undefined
}
