import type { Effect, TargetKind } from '../execution/execution.ts'

/** What a look at the target said. */
export type Look =
  | { readonly kind: 'happened' }
  | { readonly kind: 'not_found' }
  /** The look itself failed. */
  | { readonly kind: 'failed' }

export interface Doubt {
  /** The ledger's row; undefined when the effect was never intended. */
  readonly effect: Pick<Effect, 'state' | 'target'> | undefined
  readonly target: TargetKind
  readonly reconcilable: boolean
  /** The claim may look, but begin nothing. */
  readonly reconcileOnly: boolean
  /** Null before anybody looked. */
  readonly look: Look | null
}

/**
 * What to do about an effect that a handler asks for:
 * `call` for the first time, or again after it certainly did not happen · `use` the recorded value · `look` at the
 * target · `record_yes`, `record_no` tell the ledger what the look said · `replay` with the same key, which the target
 * makes safe · `ask_person` · `look_again` in a later attempt · `stop`, for nothing may begin · `mismatch` with the journal.
 */
export type Move =
  | 'call'
  | 'use'
  | 'look'
  | 'record_yes'
  | 'record_no'
  | 'replay'
  | 'ask_person'
  | 'look_again'
  | 'stop'
  | 'mismatch'

/** The rules by which an effect is never repeated blindly; all of them, and no I/O. */
export function nextMove({ effect, target, reconcilable, reconcileOnly, look }: Doubt): Move {
  if (effect === undefined) return reconcileOnly ? 'stop' : 'call'
  if (effect.target !== target) return 'mismatch'
  switch (effect.state) {
    case 'applied':
    case 'unknown_accepted':
      return 'use'
    case 'not_applied':
      return reconcileOnly ? 'stop' : 'call'
    case 'intended':
    case 'in_doubt':
      return reconcilable ? afterLook(target, reconcileOnly, look) : withoutLook(target, reconcileOnly)
  }
}

function afterLook(target: TargetKind, reconcileOnly: boolean, look: Look | null): Move {
  if (look === null) return 'look'
  const isReplaySafe = target !== 'opaque' && !reconcileOnly
  switch (look.kind) {
    case 'happened':
      return 'record_yes'
    case 'not_found':
      // A call still under way somewhere carries the same key or an older fence, so the target keeps it to one.
      return isReplaySafe ? 'replay' : 'record_no'
    case 'failed':
      return isReplaySafe ? 'replay' : 'look_again'
  }
}

function withoutLook(target: TargetKind, reconcileOnly: boolean): Move {
  return target === 'opaque' || reconcileOnly ? 'ask_person' : 'replay'
}
