import type { AnyAction } from '../action/action.ts'
import type { ArtifactStore } from '../artifacts/store.ts'
import type { Claimed } from '../commit/order.ts'
import { Canceled, classify, Failure, LeaseLost, TimeoutError } from '../errors/failures.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import type { RunOutcome } from '../execution/run-outcome.ts'
import type { Bell } from '../run/bell.ts'
import type { Spawner } from '../run/child.ts'
import type { RunLog } from '../run/context.ts'
import { ShuttingDown } from '../run/halt.ts'
import type { KeptLog } from '../run/kept-log.ts'
import { timeLimits } from '../run/prepare.ts'
import type { Work } from '../run/running.ts'
import type { SecretSource } from '../run/secrets.ts'
import { settlement } from '../settle/settle.ts'
import type { RetryPolicy } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import type { Cell, Exit } from './cell.ts'
import type { Cells } from './cells.ts'
import type { CellLimits } from './limits.ts'
import { type AbortReason, type FromCell, failedOf, type Secrets } from './messages.ts'

export interface IsolatedRunPorts {
  readonly cells: Cells
  readonly work: Work
  readonly spawner: Spawner
  /** Aborted by the worker on cancel, lost lease and shutdown; told to the process, which has `graceMs` from then on. */
  readonly abort: AbortController
  readonly bell: Bell
  readonly clock: Clock
  readonly artifacts: ArtifactStore | undefined
  readonly secrets: SecretSource | undefined
  readonly retry: RetryPolicy | undefined
  readonly log: RunLog
  readonly kept: Pick<KeptLog, 'say'>
  /** Given a way to kill at once, for the time of the run. */
  readonly onKill: (kill: () => void) => void
}

/**
 * Runs one claimed execution in a process of its own and gives the command that ends the claim; null when it is
 * somebody else's. Every command of the handler is sent on under the lease that the worker holds.
 */
export async function runIsolated(
  claimed: Claimed,
  action: AnyAction,
  limits: CellLimits,
  ports: IsolatedRunPorts,
): Promise<WorkerCommand | null> {
  const settle = (outcome: RunOutcome) => settlement(outcome, claimed.execution, action, ports.retry)
  let cell: Cell
  try {
    cell = await ports.cells.take(limits)
  } catch (thrown) {
    // No handler has begun, so nothing is lost but the time.
    return await settle({ kind: 'threw', failure: classify(thrown) })
  }
  const run = new IsolatedRun(claimed, action, cell, ports)
  const timers = timeLimits(claimed, action, ports)
  const end = await run.end()
  for (const timer of timers) timer.cancel()
  if ('command' in end) {
    if (ports.abort.signal.aborted) cell.kill()
    else ports.cells.giveBack(cell)
    return end.command
  }
  // Whatever follows may rely on this process being dead.
  await ports.cells.buried(cell)
  if (ports.abort.signal.aborted) return await settle(killed(ports.abort.signal.reason, claimed))
  const { exitCode, signal } = end
  const evidence = { exitCode, signal, memoryMb: cell.peakMb, lastStep: run.lastStep }
  ports.log('warn', 'The process of an execution ended before its handler did.', {
    ...evidence,
    execution: claimed.request.publicId,
  })
  return { type: 'crashed', fence: claimed.execution.fence, evidence }
}

/** How a run ends that was told to stop and did not, by what it was told. */
function killed(reason: unknown, { execution }: Claimed): RunOutcome {
  if (reason instanceof LeaseLost) return { kind: 'lost', message: reason.message }
  if (execution.ending !== null) return { kind: 'reconciled' }
  if (reason instanceof ShuttingDown) return { kind: 'stopped' }
  return { kind: 'threw', failure: classify(reason instanceof Failure ? reason : new Canceled()) }
}

type End = { readonly command: WorkerCommand | null } | Exit

class IsolatedRun {
  /** Name of the newest step or effect that was heard of. */
  lastStep: string | null
  readonly #claimed: Claimed
  readonly #action: AnyAction
  readonly #cell: Cell
  readonly #ports: IsolatedRunPorts
  readonly #ended = Promise.withResolvers<End>()

  constructor(claimed: Claimed, action: AnyAction, cell: Cell, ports: IsolatedRunPorts) {
    this.#claimed = claimed
    this.lastStep = newestOf(claimed)
    this.#action = action
    this.#cell = cell
    this.#ports = ports
  }

  async end(): Promise<End> {
    const { abort, bell, artifacts, retry, clock, onKill } = this.#ports
    const cell = this.#cell
    const { signal } = abort
    void cell.exited.then(this.#ended.resolve)
    cell.listen((message) => void this.#hear(message))
    onKill(() => cell.kill())
    bell.forward((step) => cell.tell({ granted: step }))
    const secrets = await this.#secrets()
    const grace = (): void => {
      cell.tell({ abort: reasonOf(signal.reason) })
      const timer = clock.timer(cell.limits.graceMs, () => cell.kill())
      void this.#ended.promise.then(() => timer.cancel())
    }
    const storesArtifacts = artifacts !== undefined
    cell.tell({ run: { claimed: this.#claimed, worker: cell.key, secrets, storesArtifacts, retry } })
    if (signal.aborted) grace()
    else signal.addEventListener('abort', grace, { once: true })
    return await this.#ended.promise.finally(() => signal.removeEventListener('abort', grace))
  }

  async #hear(message: FromCell): Promise<void> {
    const { work, spawner, log, kept, artifacts } = this.#ports
    if ('end' in message) this.#ended.resolve({ command: message.end })
    else if ('log' in message) log(...message.log)
    else if ('kept' in message) kept.say(...message.kept)
    else if ('ask' in message) {
      const reply = message.ask
      try {
        if ('command' in message) {
          this.#note(message.command)
          this.#cell.tell({ reply, answer: await work(message.command) })
        } else if ('spawn' in message) {
          this.#cell.tell({ reply, spawned: await spawner(message.spawn) })
        } else if (artifacts !== undefined) {
          this.#cell.tell({ reply, stored: await artifacts.put(message.put, { mediaType: message.mediaType }) })
        }
      } catch (thrown) {
        this.#cell.tell({ reply, ...failedOf(thrown) })
      }
    } else if ('unloadable' in message) this.#cell.kill()
  }

  #note(command: WorkerCommand | PermitCommand): void {
    if (command.type === 'record_step' || command.type === 'intend_effect') this.lastStep = command.name
  }

  /** Only what the action declares, for only that may leave this process. */
  async #secrets(): Promise<Secrets> {
    const names = this.#action.secrets ?? []
    try {
      return {
        values: names.length === 0 ? {} : ((await this.#ports.secrets?.(this.#claimed.request.tenant, names)) ?? {}),
      }
    } catch (thrown) {
      return failedOf(thrown)
    }
  }
}

/** How far earlier claims have come: a replay asks for nothing. */
function newestOf({ steps, effects }: Claimed): string | null {
  const records = [
    ...steps.map(({ name, at }) => ({ name, at })),
    ...effects.map(({ name, intendedAt: at }) => ({ name, at })),
  ]
  return records.sort((a, b) => a.at - b.at).at(-1)?.name ?? null
}

function reasonOf(reason: unknown): AbortReason {
  const { message } = classify(reason)
  if (reason instanceof LeaseLost) return { kind: 'lost', message }
  if (reason instanceof ShuttingDown) return { kind: 'shutdown', message }
  return { kind: reason instanceof TimeoutError ? 'timeout' : 'canceled', message }
}
