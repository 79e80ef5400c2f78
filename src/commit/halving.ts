import { isRefusal, refuse } from '../errors/refusal.ts'
import type { Admission, Answer } from './order.ts'

/** So many that fail one after another speak for a store that fails, not for rows that cannot be written. */
const culpritsMax = 16

type Written = Answer<'admit_many'> | Error

/**
 * Admits without each other what could not be admitted together, half by half, each part in a commit of its own. What
 * cannot be written is refused; null when nothing could be. Costs a few commits for each that cannot be written.
 */
export async function admitInHalves(
  admissions: readonly Admission[],
  commit: (part: readonly Admission[]) => Promise<Written>,
): Promise<readonly Answer<'admit'>[] | null> {
  const outcomes = await inHalves(admissions, commit)
  if (outcomes.every((outcome) => outcome instanceof Error)) return null
  return outcomes.map((outcome) =>
    outcome instanceof Error ? refuse('not_stored', `The store could not write it: ${outcome.message}`) : outcome,
  )
}

async function inHalves(
  admissions: readonly Admission[],
  commit: (part: readonly Admission[]) => Promise<Written>,
): Promise<readonly (Answer<'admit'> | Error)[]> {
  const admit = async (part: readonly Admission[], mayHalve: boolean) => {
    const written = await commit(part)
    if (isRefusal(written)) return part.map(() => written)
    if (!(written instanceof Error)) return written
    return part.length === 1 || !mayHalve ? part.map(() => written) : await inHalves(part, commit)
  }
  const middle = Math.ceil(admissions.length / 2)
  const first = await admit(admissions.slice(0, middle), true)
  const isStore = first.length >= culpritsMax && first.every((outcome) => outcome instanceof Error)
  const second = await admit(admissions.slice(middle), !isStore)
  return [...first, ...second]
}
