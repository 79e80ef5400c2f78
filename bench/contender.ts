import type { Job } from './workload.ts'

/** One system under measurement, in a process of its own. Whatever it answers, it has read from its store. */
export interface Contender {
  /** Opens an empty store in a new place; what was open before is gone. */
  open(): Promise<void>
  /** Adds all jobs the quickest way the system has; resolves once all of them are durable. */
  submitBulk(jobs: readonly Job[]): Promise<void>
  /** Adds one job; resolves with its id once it is durable. */
  submit(job: Job): Promise<string>
  /** Adds all jobs while the worker runs, in whatever form is quickest from the first submission to the last end. */
  submitBesideWorker(jobs: readonly Job[]): Promise<void>
  startWorker(hints: Hints): Promise<void>
  /** How many jobs have ended, according to the store. */
  completed(): Promise<number>
  /** Whether this job has ended, according to the store. */
  isCompleted(id: string): Promise<boolean>
  /** Stops the worker and closes the store; a contender that keeps a history reads it back first and throws when it is wrong. */
  close(): Promise<Closing>
}

/** They only say when a look at the store is worth it. */
export interface Hints {
  /** Called in the handler's first line. */
  readonly onRun: () => void
  /** Called when something may have ended. */
  readonly onEnd: () => void
}

/** What closing a store has found out about it. */
export interface Closing {
  /** Executions whose whole history was read back. */
  readonly executions?: number | undefined
  readonly eventsPerExecution?: number | undefined
  /** Size of the write-ahead log before it was closed; more may have been written once it is used again. */
  readonly walBytes?: number | undefined
}

export type ContenderName = 'pawl' | 'pawl-inline' | 'plainjob' | 'graphile' | 'bullmq'
