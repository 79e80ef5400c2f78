import { z } from 'zod'
import type { Hint } from '../protocol/protocol.ts'

/** What a job holds: whose turn it is, and nothing of what it is about. */
const hintData = z.object({ execution: z.string().max(64), place: z.tuple([z.int(), z.int(), z.int()]) })

export const dataOf = ({ execution, queue, rank, turn }: Hint): z.infer<typeof hintData> => ({
  execution,
  place: [queue, rank, turn],
})

/** Anybody may write into Redis: what is no hint names nothing. */
export function hintIn(data: unknown): Hint {
  const parsed = hintData.safeParse(data)
  if (!parsed.success) return { execution: 'none', queue: 0, rank: 0, turn: 0 }
  const [queue, rank, turn] = parsed.data.place
  return { execution: parsed.data.execution, queue, rank, turn }
}
