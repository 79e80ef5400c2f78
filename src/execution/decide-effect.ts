import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Command } from './command.ts'
import { frozenBy } from './decide-fold.ts'
import { frozen, refuseBeginning } from './decide-gates.ts'
import { leaseLost, owns } from './decide-run.ts'
import {
  type Decision,
  type EventData,
  furthered,
  illegal,
  move,
  note,
  nothing,
  type Surroundings,
} from './decision.ts'
import { endedAs } from './ending.ts'
import { type Effect, type Execution, isOpen } from './execution.ts'
import { isOfTarget, type PlanStep } from './plan.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

const find = (around: Surroundings, effectKey: string): Effect | undefined =>
  around.effects.find((effect) => effect.effectKey === effectKey)

/** A step is recorded once; a doubled message changes nothing. */
export function decideRecordStep(
  execution: Execution,
  command: Of<'record_step'>,
  around: Surroundings,
): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  if (around.stepRecorded) return nothing
  const { name, ordinal, value, fence, startedAt, artifact } = command
  const data: EventData = {
    step: name,
    ordinal,
    ...(artifact ? { sha256: artifact.sha256, bytes: artifact.bytes, mediaType: artifact.mediaType } : {}),
  }
  return {
    facts: [
      note(
        execution,
        artifact ? 'artifact_stored' : 'step_recorded',
        { journal: execution.journal + 1, ...furthered(execution), ...frozenBy(execution, name) },
        data,
      ),
    ],
    steps: [{ id: execution.id, name, ordinal, value, fence, startedAt, at: around.now }],
    artifacts: artifact ? [artifact] : undefined,
    takes: command.takes,
  }
}

/**
 * The intent of an effect is committed before its call. It is refused to whoever may not act any more, and never
 * repeated blindly: an open intent is replayed only where the target makes a replay safe.
 */
export function decideIntendEffect(
  execution: Execution,
  command: Of<'intend_effect'>,
  around: Surroundings,
): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  const known = find(around, command.effectKey)
  if (known?.state === 'intended' && known.fence === command.fence) return nothing
  const closed = refuseBeginning(execution, { effect: command.name, target: targetOf(command, around) }, around)
  if (closed !== null) return closed
  if (known?.state === 'applied' || known?.state === 'unknown_accepted') {
    return refuse('effect_concluded', `Effect ${command.name} is ${known.state}; its recorded outcome stands.`, {
      effectKey: command.effectKey,
    })
  }
  const open = known !== undefined && isOpen(known)
  if (open && known.target === 'opaque') {
    return refuse(
      'effect_in_doubt',
      `Effect ${command.name} may have happened; an opaque target is never called again blindly.`,
      {
        effectKey: command.effectKey,
      },
    )
  }
  const { effectKey, step, name, ordinal, target, reconcilable, fence, worker } = command
  const intended: Effect = {
    id: execution.id,
    effectKey,
    step,
    name,
    ordinal,
    target,
    reconcilable,
    state: 'intended',
    intents: (known?.intents ?? 0) + 1,
    fence,
    worker,
    intendedAt: around.now,
    concludedAt: null,
    value: null,
    errorClass: null,
    error: null,
  }
  const { requester } = around
  const right = requester && !isRefusal(requester) ? { grant: requester.by, rights: requester.version } : {}
  const data = { effectKey, name, target, ...(open ? { replay: true } : {}), ...right }
  const set = {
    openEffects: execution.openEffects + (open ? 0 : 1),
    journal: execution.journal + (known === undefined ? 1 : 0),
    ...frozen(execution),
  }
  return { facts: [note(execution, 'effect_intended', set, data)], effects: [intended] }
}

/** The step of the plan that an effect says it is of; null where it is of none, or of another. */
function targetOf({ idx, step }: Of<'intend_effect'>, { targets }: Surroundings): PlanStep | null {
  const target = idx === undefined ? undefined : targets.get(idx)
  return target !== undefined && isOfTarget(target, step) ? target : null
}

export function decideRecordEffect(
  execution: Execution,
  command: Of<'record_effect'>,
  around: Surroundings,
): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  const known = find(around, command.effectKey)
  if (known === undefined || known.fence !== command.fence) return noIntent(command.effectKey)
  const { outcome } = command
  if (known.state !== 'intended') return known.state === outcome.kind ? nothing : noIntent(command.effectKey)
  const { effectKey, name, target } = known
  if (outcome.kind === 'in_doubt') {
    return {
      facts: [note(execution, 'effect_in_doubt', {}, { effectKey, name, target, errorClass: outcome.errorClass })],
      effects: [{ ...known, state: 'in_doubt', errorClass: outcome.errorClass, error: outcome.error }],
    }
  }
  const concluded: Effect =
    outcome.kind === 'applied'
      ? { ...known, state: 'applied', value: outcome.value, concludedAt: around.now }
      : {
          ...known,
          state: 'not_applied',
          errorClass: outcome.errorClass,
          error: outcome.error,
          concludedAt: around.now,
        }
  return {
    facts: [
      note(
        execution,
        'effect_recorded',
        { openEffects: execution.openEffects - 1, ...(outcome.kind === 'applied' ? furthered(execution) : {}) },
        { effectKey, name, outcome: outcome.kind },
      ),
    ],
    effects: [concluded],
  }
}

/**
 * What a look at the target said. A "no" counts only when the process that called is proven dead: a call under way may
 * still arrive. Where a replay is safe, the handler replays instead of believing a "no".
 */
export function decideReconcileEffect(
  execution: Execution,
  command: Of<'reconcile_effect'>,
  around: Surroundings,
): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  const known = find(around, command.effectKey)
  if (known === undefined) return noIntent(command.effectKey)
  if (known.state === (command.happened ? 'applied' : 'not_applied')) return nothing
  if (!isOpen(known)) return noIntent(command.effectKey)
  if (!command.happened && !around.isGone(known.worker)) {
    return refuse(
      'old_process_alive',
      `Effect ${known.name} was not found, but the process that may still perform it is not proven dead.`,
      { effectKey: known.effectKey, worker: known.worker },
    )
  }
  return concludeOpen(
    execution,
    known,
    command.happened ? 'applied' : 'not_applied',
    command.value,
    around.now,
    'reconcile',
  )
}

/** A person decides what nobody else can know; the execution goes on from there, or ends as it had earned. */
export function decideResolveEffect(
  execution: Execution,
  command: Of<'resolve_effect'>,
  around: Surroundings,
): Decision | Refusal {
  const known = find(around, command.effectKey)
  if (known === undefined || !isOpen(known)) {
    return refuse('effect_not_in_doubt', `Effect ${command.effectKey} is ${known?.state ?? 'unknown'}.`, {
      effectKey: command.effectKey,
    })
  }
  if (execution.state === 'running') return illegal(execution, 'resolve_effect')
  const resolved = concludeOpen(execution, known, command.verdict, command.value, around.now, command.reason)
  const rest = around.effects.filter((effect) => effect !== known && isOpen(effect))
  if (rest.length > 0 || execution.state !== 'waiting') return resolved
  // What waits for a time or a signal goes on waiting; its next run finds the effect decided.
  if (execution.waitingFor !== 'outcome' && execution.ending === null) return resolved
  const next =
    execution.ending === null
      ? move(execution, 'wake', 'queued', { waitingFor: null, availableAt: around.now, reconciles: 0 })
      : move(execution, endEvent[execution.ending], execution.ending, {
          ...endedAs(execution, execution.ending, around.now),
          ending: null,
        })
  return { ...resolved, facts: [...resolved.facts, next] }
}

const endEvent = { failed: 'fail', canceled: 'cancel', expired: 'expire' } as const

function concludeOpen(
  execution: Execution,
  effect: Effect,
  state: 'applied' | 'not_applied' | 'unknown_accepted',
  value: string | null,
  now: number,
  by: string,
): Decision {
  const { effectKey, name } = effect
  return {
    facts: [
      note(
        execution,
        'effect_reconciled',
        { openEffects: execution.openEffects - 1 },
        { effectKey, name, outcome: state, by },
      ),
    ],
    effects: [{ ...effect, state, value, concludedAt: now }],
  }
}

const noIntent = (effectKey: string): Refusal =>
  refuse('effect_not_in_doubt', `No intent of effect ${effectKey} is open under this fence.`, { effectKey })
