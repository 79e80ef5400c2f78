import type { Admission } from '../commit/order.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Request } from '../execution/execution.ts'
import type { SubmitRequest } from './request.ts'

/** The request as it was made, checked anew by the version of the action that it is pinned to. */
export async function rerunAdmission(
  was: Request,
  check: (request: SubmitRequest) => Promise<Admission | Refusal>,
  seed: string | number = was.seed,
): Promise<Admission | Refusal> {
  const { action, actionVersion: version, priority, recordOnly, slaClass, actionClass, key, subject, inputHash } = was
  let input: unknown
  try {
    input = JSON.parse(was.input)
  } catch {
    return refuse('invalid_input', 'The stored input is no JSON, so that it cannot be submitted again.')
  }
  const admission = await check({ action, version, input, priority, recordOnly, slaClass, actionClass, seed })
  // Key and subject as they were: an action may compute them in another way today.
  return isRefusal(admission) ? admission : { ...admission, key, subject, inputHash }
}
