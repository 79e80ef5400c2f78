import { runBatch } from '../../src/commit/batch.ts'
import { type Memory, remember } from '../../src/commit/memory.ts'
import { converse } from '../../src/commit/reads.ts'
import type { StoreSession, Views } from '../../src/store/store.ts'
import { saidBy, Tape, type TapedBatch } from './tape.ts'
import { idKey, playWorld } from './world.ts'

export interface StoreOfTest {
  readonly session: StoreSession
  readonly views: () => Views
  readonly close: () => unknown
}

/** The commands of one world, as its store committed them. */
export async function tapeOf(seed: number): Promise<readonly (TapedBatch | null)[]> {
  const tape = new Tape()
  const { violations } = await playWorld({ seed, tape })
  const [violation] = violations
  if (violation !== undefined) throw new Error(`seed ${seed} violates ${violation.invariant}: ${violation.message}`)
  return tape.entries
}

/**
 * Plays a tape on a store that holds nothing yet, and closes it. Gives all that it then shows; or where it said something
 * else than the world did.
 */
export async function playedOn(
  store: StoreOfTest,
  entries: readonly (TapedBatch | null)[],
): Promise<readonly string[]> {
  try {
    let memory: Memory | null = null
    for (const [batch, entry] of entries.entries()) {
      if (entry === null || memory === null) memory = await remember(store.session, idKey)
      if (entry === null) continue
      const said = await playOne(entry, store.session, memory)
      if (said !== entry.said) return [`batch ${batch} says another thing than the world: ${parting(entry.said, said)}`]
    }
    return await shownBy(store.views())
  } finally {
    await store.close()
  }
}

async function playOne(entry: TapedBatch, session: StoreSession, memory: Memory): Promise<string> {
  memory.nextTimerAt = entry.nextTimerAt
  await session.begin()
  const result = await converse(runBatch(entry.orders, entry.claims, memory, entry.now), session)
  const { stale } = await session.write(result.changes)
  if (stale.length > 0) return `rows were not as expected: ${stale.join(', ')}`
  await session.commit()
  result.committed()
  if (result.quarantineChanged) memory.quarantine.remember(await session.quarantine())
  return saidBy(result)
}

/** Everything that people are shown of what a store holds, as text: the events first, in order of the log. */
async function shownBy(views: Views): Promise<readonly string[]> {
  const lines: string[] = []
  const ids = new Set<number>()
  for (let after = 0; ; ) {
    const rows = await views.log(after, 500)
    for (const row of rows) {
      lines.push(`log ${JSON.stringify(row)}`)
      for (const id of row.executions) ids.add(id)
    }
    const last = rows.at(-1)
    if (last === undefined) break
    after = last.position
  }
  for (const id of [...ids].sort((a, b) => a - b)) {
    const shown = [
      await views.events(id, 0, 10_000),
      await views.find(id),
      await views.outcome(id),
      await views.steps(id),
      await views.effects({ id, limit: 1_000 }),
      await views.plan(id),
      await views.planSteps(id, -1, 1_000),
      await views.signals(id, 1_000),
      await views.logs(id, 0, 1_000),
      await views.parkedAt(id),
      await views.permitsOf(id),
      await views.waitersOf(id),
      await views.archived(id),
    ]
    lines.push(`execution ${id} ${JSON.stringify(shown)}`)
  }
  for (const [name, shown] of [
    ['countsByState', await views.countsByState()],
    ['pauses', await views.pauses()],
    ['limits', await views.limits()],
    ['workers', await views.workers()],
    ['queues', await views.queues()],
    ['timeoutPolicies', await views.timeoutPolicies()],
  ] as const)
    lines.push(`${name} ${JSON.stringify(shown)}`)
  return lines
}

/** The first place at which two texts part, with what stands around it. */
export function parting(one: string, other: string): string {
  let at = 0
  while (at < one.length && one[at] === other[at]) at += 1
  return `at ${at}: ${one.slice(Math.max(0, at - 80), at + 120)} … and not … ${other.slice(Math.max(0, at - 80), at + 120)}`
}
