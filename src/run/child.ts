import type { Child, ChildRequest } from '../action/action.ts'
import type { Spawn } from '../commit/order.ts'
import { ChildFailed } from '../errors/failures.ts'
import type { Refusal } from '../errors/refusal.ts'
import { childStep } from '../execution/decide-child.ts'
import { childPrefix } from '../execution/decide-wait.ts'
import type { Running } from './running.ts'
import { signalStep } from './waits.ts'

/** A child as a handler wants it, with its place in the journal. */
export interface SpawnWish extends Omit<Spawn, 'admission'> {
  readonly wanted: ChildRequest
}

/** Checks the wish as any submit is checked, and carries it to the side that holds the store until it is answered. */
export type Spawner = (wish: SpawnWish) => Promise<{ readonly child: string } | Refusal>

/** Admits a child once for its place in the journal, and gives what waits for its end. */
export async function performSpawn<T>(
  running: Running,
  spawner: Spawner,
  name: string,
  wanted: ChildRequest,
  now: () => number,
): Promise<Child<T>> {
  const { ordinal, recorded } = running.journal.nextStep(childStep(name))
  const child =
    recorded === undefined
      ? await begin(running, spawner, { fence: running.fence, name, ordinal, startedAt: now(), wanted })
      : running.decode<{ child: string }>(`The record of child ${name}`, recorded.value, isChild).child
  let result: Promise<T> | undefined
  return {
    id: child,
    result() {
      result ??= running.call(`child ${name}`, () => performResult<T>(running, child, now))
      return result
    },
  }
}

async function begin(running: Running, spawner: Spawner, wish: SpawnWish): Promise<string> {
  if (running.reconcileOnly) return await running.wait({ wakeAt: null, awaits: null })
  return (await running.ask(() => spawner(wish))).child
}

const isChild = ({ child }: { readonly child: string }): boolean => typeof child === 'string'

interface End {
  readonly state: string
  readonly result: unknown
  readonly errorClass: string | null
  readonly error: string | null
}

const hasPayload = (record: object): boolean => 'payload' in record
const isEnd = ({ state }: End): boolean => typeof state === 'string'

/**
 * A success is journaled and stays. Another end is not: a person may redrive the child, and then the parent.
 *
 * @throws ChildFailed with the state in which the child ended.
 */
async function performResult<T>(running: Running, child: string, now: () => number): Promise<T> {
  const name = `${childPrefix}${child}`
  const step = signalStep(name)
  const { ordinal, recorded } = running.journal.nextStep(step)
  const what = `The result of child ${child}`
  if (recorded !== undefined) return running.decode<{ payload: T }>(what, recorded.value, hasPayload).payload
  const newest = running.inbox.takeNewest(name)
  if (newest === undefined) return await running.wait({ wakeAt: null, awaits: { name, seq: running.nextSignal(name) } })
  const { state, result, errorClass, error } = running.decode<End>(what, newest.payload, isEnd)
  if (state !== 'succeeded') throw new ChildFailed(child, state, errorClass, error)
  const { seq } = newest
  const value = `{"payload":${JSON.stringify(result)},"seq":${seq}}`
  const startedAt = now()
  const takes = { name, seq }
  if (running.reconcileOnly) return result as T
  await running.send({ type: 'record_step', fence: running.fence, name: step, ordinal, value, startedAt, takes })
  return result as T
}
