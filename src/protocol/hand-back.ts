import type { Claimed } from '../commit/order.ts'
import type { Random } from '../identity/random.ts'
import type { Clock } from '../time/clock.ts'
import type { WorkerProtocol } from './protocol.ts'
import { untilAnswered } from './steadfast.ts'

interface HandBackPorts {
  readonly protocol: WorkerProtocol
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
}

/** Work that arrived after the stop: it goes back unseen and costs no attempt. */
export async function handBack(
  worker: number,
  { execution }: Claimed,
  { protocol, clock, random }: HandBackPorts,
): Promise<void> {
  const call = { worker, id: execution.id, command: { type: 'hand_back', fence: execution.fence } } as const
  // One repetition: a lease that could not be handed back runs out by itself, and the stop is not delayed by it.
  let repetitions = 0
  const isOver = (): boolean => ++repetitions > 1
  await untilAnswered(protocol, call, { clock, random, isOver }).catch(() => {})
}
