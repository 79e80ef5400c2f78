import type { Refusal } from '../errors/refusal.ts'
import type { Command, CrashEvidence } from './command.ts'
import { leaseLost, merge, owns } from './decide-run.ts'
import { type Decision, type EventData, type Fact, move, note, nothing, type Surroundings } from './decision.ts'
import { afterLeaseLoss, doubtOpen } from './ending.ts'
import { type Execution, isSuspect } from './execution.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** Lone crashes after which an execution is taken for poison. */
export const poisonLossesDefault = 3

/** Events after which no loss is spared, more than the largest plan needs: steps with new names in each run go on for ever. */
const sparedEventsMax = 50_000

/** The process in which it ran alone has ended: nobody else can be to blame. */
export function decideCrashed(execution: Execution, command: Of<'crashed'>, around: Surroundings): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  const { exitCode, signal, memoryMb, lastStep } = command.evidence
  const data = {
    cause: 'crash',
    attempt: execution.attempt,
    worker: execution.worker,
    exitCode,
    signal,
    memoryMb,
    lastStep,
  }
  return loseRun(execution, around, {
    isLone: true,
    poisonLosses: command.poisonLosses ?? poisonLossesDefault,
    message: `its process ended before the handler did: ${endOf(command.evidence)}`,
    data,
  })
}

/**
 * The lease is lost with its worker. Whoever ran alone there is to blame; of several nobody can say which it was, so those
 * that were lost before and got no further since are suspects, and run alone from now on.
 */
export function decideLeaseExpired(
  execution: Execution,
  command: Of<'lease_expired'>,
  around: Surroundings,
): Decision | Refusal {
  if (execution.state !== 'running') return nothing
  if (command.cause === 'sweep' && (execution.leaseUntil ?? 0) > around.now) return nothing
  return loseRun(execution, around, {
    isLone: isSuspect(execution) && command.isApart !== true,
    poisonLosses: command.poisonLosses ?? poisonLossesDefault,
    message: lossMessages[command.cause],
    data: { cause: command.cause, attempt: execution.attempt, worker: execution.worker },
  })
}

const lossMessages = {
  sweep: 'the lease ran out without a renewal',
  exit: 'the worker process ended',
  restart: 'the worker was started anew and its previous process is gone',
} as const

interface Loss {
  /** Nothing else ran in the process that was lost. */
  readonly isLone: boolean
  readonly poisonLosses: number
  readonly message: string
  readonly data: EventData
}

function loseRun(execution: Execution, around: Surroundings, { isLone, poisonLosses, message, data }: Loss): Decision {
  const losses = execution.losses + 1
  const loneLosses = execution.loneLosses + (isLone ? 1 : 0)
  const isPoison = isLone && loneLosses >= poisonLosses
  // Its neighbour may have done it: for a while, such a loss costs nothing, so that whatever attempts it has are left for
  // the runs that tell who it was.
  const isSpared = !isLone && losses - loneLosses <= poisonLosses && execution.n <= sparedEventsMax
  const doubt = doubtOpen(execution, around.effects)
  const { to, set } = afterLeaseLoss(execution, merge(around.effects, doubt.effects), around.now, {
    isPoison,
    isSpared,
  })
  const errorClass = isPoison ? 'Poison' : 'WorkerLost'
  const blame = { losses, loneLosses, lastErrorClass: errorClass, lastError: message }
  const isRefunded = set.attempt !== undefined && set.attempt < execution.attempt
  const event = { ...data, errorClass, losses, loneLosses, ...(isRefunded ? { refunded: true } : {}) }
  const quarantined: Fact[] = isPoison ? [note(execution, 'quarantined', {}, { ...event, reason: message })] : []
  return {
    facts: [...doubt.facts, ...quarantined, move(execution, 'lease_expired', to, { ...set, ...blame }, event)],
    effects: doubt.effects,
  }
}

function endOf({ exitCode, signal, memoryMb, lastStep }: CrashEvidence): string {
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`
  const held = memoryMb === null ? '' : `, at most ${memoryMb} MiB`
  return `${how}${held}${lastStep === null ? '' : `, after ${lastStep}`}`
}
