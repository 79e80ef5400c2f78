import { classify, Failure, LeaseLost } from '../errors/failures.ts'
import type { RunOutcome } from '../execution/run-outcome.ts'
import { mismatch, ShuttingDown } from './halt.ts'
import type { Running } from './running.ts'
import type { Unlocked } from './secrets.ts'

/** What a handler's end, and what the run has learnt meanwhile, come to. */
export function conclude(
  running: Running,
  end: { readonly value: unknown } | { readonly thrown: unknown },
): RunOutcome {
  const halt = running.halt
  const reason: unknown = running.signal.aborted ? running.signal.reason : undefined
  if (halt?.kind === 'lost') return { kind: 'lost', message: halt.error.message }
  if (reason instanceof LeaseLost) return { kind: 'lost', message: reason.message }
  if (halt?.kind === 'unknown_outcome') return { kind: 'unknown_outcome', message: running.mask(halt.error.message) }
  if (halt?.kind === 'recorded_only') return { kind: 'recorded_only', effect: halt.effect }
  if (halt?.kind === 'suspended') return { kind: 'suspended', ...halt.suspension }
  if (halt === undefined && 'value' in end) {
    const missed = running.journal.unasked()[0]
    if (missed === undefined) return { kind: 'returned', value: end.value }
    const other = mismatch(`The handler returned without asking for effect ${missed.name}, which is in its journal.`)
    return running.reconcileOnly ? { kind: 'reconciled' } : threw(running, other.error)
  }
  if (running.reconcileOnly) return { kind: 'reconciled' }
  if (halt !== undefined) return threw(running, halt.error)
  if (reason instanceof ShuttingDown) return { kind: 'stopped' }
  // What a handler throws after it was aborted is only the echo of the abort.
  return threw(running, reason instanceof Failure ? reason : 'thrown' in end ? end.thrown : undefined)
}

const threw = (running: Running, thrown: unknown): RunOutcome => threwMasked(running.mask, thrown)

export function threwMasked(mask: Unlocked['mask'], thrown: unknown): RunOutcome {
  const failure = classify(thrown)
  return { kind: 'threw', failure: { ...failure, message: mask(failure.message) } }
}
