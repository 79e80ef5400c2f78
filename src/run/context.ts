import type { LogLevel, Progress, RunContext } from '../action/action.ts'
import type { ArtifactStore } from '../artifacts/store.ts'
import { TerminalError, ValidationError } from '../errors/failures.ts'
import { onlyStep } from '../execution/plan.ts'
import type { Transactions } from '../store/inbox.ts'
import { performSpawn, type Spawner } from './child.ts'
import { performEffect, standIn } from './effect.ts'
import type { KeptLog } from './kept-log.ts'
import { LatestProgress } from './progress.ts'
import { recorded } from './recorded-value.ts'
import type { Running } from './running.ts'
import { checkName, performArtifact, performStep } from './step.ts'
import { performTransaction } from './transaction.ts'
import { checkSignalName, performSleep, performWait, type WaitClock } from './wait.ts'

export type RunLog = (level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>) => void

export interface ContextPorts {
  readonly worker: number
  readonly clock: WaitClock
  readonly artifacts: Pick<ArtifactStore, 'put'> | undefined
  readonly log: RunLog
  /** Keeps what is said with the execution; absent where nothing is kept. */
  readonly kept?: Pick<KeptLog, 'say'> | undefined
  readonly spawner: Spawner
  /** Absent where this worker does not reach the store's database. */
  readonly transactions?: Transactions | undefined
}

/** What a handler is given. Its methods need no `this`, so that a handler may take them apart. */
export function createContext(
  running: Running,
  input: unknown,
  secrets: Readonly<Record<string, string>>,
  { worker, clock, artifacts, log, kept, spawner, transactions }: ContextPorts,
): RunContext {
  const { request, execution } = running.claimed
  const now = (): number => clock.now()
  let progress: LatestProgress | undefined
  return {
    input,
    executionId: request.publicId,
    tenant: request.tenant,
    subject: request.subject,
    traceId: request.traceId,
    attempt: execution.attempt,
    fence: execution.fence,
    signal: running.signal,
    recordOnly: request.recordOnly,
    secrets,
    step: (name, fn) =>
      running.call(`step ${name}`, async () => {
        checkName('step', name)
        return await performStep(running, name, now, fn)
      }),
    effect: (name, spec) =>
      running.call(`effect ${name}`, async () => {
        checkName('effect', name)
        return await performEffect(running, worker, name, spec, now)
      }),
    transaction: (name, body, options = {}) =>
      running.call(`transaction ${name}`, async () => {
        checkName('transaction', name)
        refuseInPlan(running, 'transaction')
        if (request.recordOnly) return await standIn(running, name, options, now)
        return await performTransaction(running, transactions, name, now, body)
      }),
    artifact: (name, content, mediaType) =>
      running.call(`artifact ${name}`, async () => {
        checkName('artifact', name)
        return await performArtifact(running, artifacts, { name, content, mediaType }, now)
      }),
    sleep: (name, duration) =>
      running.call(`sleep ${name}`, async () => {
        checkName('sleep', name)
        await performSleep(running, name, duration, clock)
      }),
    child: (name, wanted) =>
      running.call(`child ${name}`, async () => {
        checkName('child', name)
        refuseInPlan(running, 'child')
        return await performSpawn(running, spawner, name, wanted, now)
      }),
    waitForSignal: (name, { timeout } = {}) =>
      running.call(`signal ${name}`, async () => {
        checkSignalName(name)
        refuseInPlan(running, 'waitForSignal')
        return await performWait(running, name, timeout, clock)
      }),
    progress(report) {
      if (running.reconcileOnly || running.halt !== undefined) return
      const value = progressText(report)
      progress ??= new LatestProgress(async (text) => {
        await running.send({ type: 'progress', fence: running.fence, value: text })
      })
      progress.report(value)
      const latest = progress
      // Progress is news, not truth: that it could not be told is no reason to fail; a lost lease is remembered.
      running.call('progress', () => latest.sent()).catch(() => {})
    },
    log(...said: [string, unknown?] | [LogLevel, string, unknown?]) {
      if (running.hasSaid) return
      const { level, message, fields } = readLog(said)
      const [text, more] = [running.mask(message), masked(fields, running.mask)]
      kept?.say(level, text, more)
      log(level, text, {
        ...more,
        execution: request.publicId,
        traceId: request.traceId,
      })
    },
    random: () => running.chance.current().next(),
    uuid: () => running.chance.current().uuid(),
    now: () => request.at,
    clock: now,
  }
}

/** A step of a plan has a journal of its own, and signals and children are the whole execution's. */
function refuseInPlan(running: Running, what: string): void {
  if (running.scope !== onlyStep) throw new TerminalError(`${what} is not there for the steps of a plan.`)
}

function progressText(report: Progress): string {
  const isFraction = typeof report === 'number' && report >= 0 && report <= 1
  const isCount = typeof report === 'object' && report.done >= 0 && report.total >= report.done
  if (!isFraction && !isCount)
    throw new ValidationError('Progress is a fraction from 0 to 1, or { done, total } with done ≤ total.')
  return recorded(report, 'progress')
}

const levels: readonly unknown[] = ['debug', 'info', 'warn', 'error']

function readLog(said: readonly unknown[]): { level: LogLevel; message: string; fields: unknown } {
  const [first, second, third] = said
  return levels.includes(first) && typeof second === 'string'
    ? { level: first as LogLevel, message: second, fields: third }
    : { level: 'info', message: String(first), fields: second }
}

function masked(fields: unknown, mask: (text: string) => string): Record<string, unknown> {
  if (typeof fields !== 'object' || fields === null) return {}
  try {
    return JSON.parse(mask(JSON.stringify(fields))) as Record<string, unknown>
  } catch {
    return { unloggable: true }
  }
}
