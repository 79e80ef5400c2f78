import { z } from 'zod'

const common = {
  /** `POST /crm/accounts`, `/api/chat.postMessage` (any method) or `*` (anything but /sandbox). */
  route: z.string().min(1).max(200),
  /** How many matching requests it hits. */
  count: z.int().min(1).max(1_000_000).default(1),
}
const when = z.enum(['before', 'after'])

/** How the sandbox misbehaves: before the request is applied (it did not happen) or after (it happened, nobody hears of it). */
export const fault = z.discriminatedUnion('kind', [
  z.strictObject({ ...common, kind: z.literal('delay'), when, delayMs: z.int().min(0).max(600_000) }),
  z.strictObject({ ...common, kind: z.literal('drop'), when }),
  z.strictObject({ ...common, kind: z.literal('hang'), when }),
  z.strictObject({
    ...common,
    kind: z.literal('status'),
    when,
    status: z.int().min(400).max(599),
    retryAfterSeconds: z.int().min(0).max(3_600).optional(),
  }),
  z.strictObject({ ...common, kind: z.literal('slack_error'), when, error: z.string().min(1).max(100) }),
])

export type Fault = z.infer<typeof fault>

const pendingMax = 1_000

/** The faults that are still to come, in the order in which they were asked for. */
export class Faults {
  #pending: Fault[] = []

  /** Returns false when too many are pending already. */
  add(each: Fault): boolean {
    if (this.#pending.length >= pendingMax) return false
    this.#pending.push({ ...each })
    return true
  }

  clear(): void {
    this.#pending = []
  }

  list(): Fault[] {
    return this.#pending.map((each) => ({ ...each }))
  }

  /** The first fault that matches, used up by one. */
  take(method: string, path: string): Fault | undefined {
    const index = this.#pending.findIndex(
      ({ route }) => route === '*' || route === path || route === `${method} ${path}`,
    )
    const found = this.#pending[index]
    if (found === undefined) return undefined
    found.count -= 1
    if (found.count === 0) this.#pending.splice(index, 1)
    return { ...found }
  }
}

export function describeFault(each: Fault): string {
  return each.kind === 'status' ? `${each.status} ${each.when}` : `${each.kind} ${each.when}`
}
