import type { Refusal } from '../errors/refusal.ts'
import type { Command, CrashEvidence } from './command.ts'
import { leaseLost, merge, owns } from './decide-run.ts'
import { type Decision, type EventData, type Fact, move, note, type Surroundings } from './decision.ts'
import { afterLeaseLoss, doubtOpen } from './ending.ts'
import type { Execution } from './execution.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** Lone crashes after which an execution is taken for poison. */
export const poisonLossesDefault = 3

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
  const errorClass = isPoison ? 'Poison' : 'WorkerLost'
  const doubt = doubtOpen(execution, around.effects)
  const blamed = { ...execution, losses, loneLosses }
  const { to, set } = afterLeaseLoss(blamed, merge(around.effects, doubt.effects), around.now, isPoison)
  const lost = { losses, loneLosses, lastErrorClass: errorClass, lastError: message }
  const quarantine: Fact[] = isPoison
    ? [note(execution, 'quarantined', {}, { ...data, errorClass, losses, loneLosses, reason: message })]
    : []
  const event = { ...data, errorClass, losses, loneLosses }
  return {
    facts: [...doubt.facts, ...quarantine, move(execution, 'lease_expired', to, { ...set, ...lost }, event)],
    effects: doubt.effects,
  }
}

function endOf({ exitCode, signal, memoryMb, lastStep }: CrashEvidence): string {
  const how = signal === null ? `exit code ${exitCode}` : `signal ${signal}`
  const held = memoryMb === null ? '' : `, at most ${memoryMb} MiB`
  return `${how}${held}${lastStep === null ? '' : `, after ${lastStep}`}`
}
