import type { Requester, SubmitRequest } from '../admit/request.ts'
import type { Admission, Answer, Orders } from '../commit/order.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { KnownPolicies } from '../policy/known-policies.ts'
import type { Schedule } from '../store/rows.ts'

/** Checks a request as any submit is checked. */
export type Check = (request: SubmitRequest, by: Requester) => Promise<Admission | Refusal>

/** One occurrence, one key: however often and by whomever it is submitted, one execution comes of it. */
export const occurrenceKey = (name: string, at: number): string => `schedule:${name}:${timeText(at)}`

/** RFC 3339 in UTC, to the second: occurrences are whole seconds. */
export const timeText = (at: number): string => new Date(at).toISOString().replace('.000Z', 'Z')

export function requestOf({ action, actionVersion, input }: Pick<Schedule, 'action' | 'actionVersion' | 'input'>) {
  const version = actionVersion === null ? {} : { version: actionVersion }
  return { action, ...version, input: JSON.parse(input) as unknown }
}

/** What cannot be read is refused as what does not fit: other schedules are due as well. */
function readRequest(schedule: Schedule): ReturnType<typeof requestOf> | Refusal {
  try {
    return requestOf(schedule)
  } catch {
    return refuse('invalid_input', 'The stored input of the schedule is no JSON.')
  }
}

/** Submits one occurrence in the name of the schedule. */
export async function submitOccurrence(
  schedule: Schedule,
  at: number,
  { orders, check, policies }: { readonly orders: Orders; readonly check: Check; readonly policies: KnownPolicies },
): Promise<Answer<'admit'>> {
  const { name, tenant } = schedule
  const key = occurrenceKey(name, at)
  const asked = readRequest(schedule)
  if (isRefusal(asked)) return asked
  return policies.underNewest(async () => {
    const admission = await check({ ...asked, key }, { principal: `system:schedule:${name}`, tenant })
    if (isRefusal(admission)) return admission
    // Not before its time, even where the clock is set back between the look and the commit.
    const timed = { ...admission, availableAt: at, schedule: { name, occurrence: timeText(at) } }
    return await orders.give<'admit'>({ kind: 'admit', admission: timed })
  })
}
