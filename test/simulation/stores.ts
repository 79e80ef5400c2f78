import { serverHarness } from '../../src/store/postgres/harness.ts'
import { memoryHarness } from '../../src/store/sqlite/harness.ts'
import { startThrowaway } from '../postgres/throwaway.ts'
import { parting, playedOn, tapeOf } from './again.ts'

/** Plays the commands of many worlds on both stores, on a throwaway server. Returns how many worlds were told apart. */
export async function playOnStores(
  from: number,
  seeds: number,
): Promise<{ readonly passed: number; readonly failed: number }> {
  const server = await startThrowaway(['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'])
  let [passed, failed, batches] = [0, 0, 0]
  try {
    const there = serverHarness(server.url)
    for (let seed = from; seed < from + seeds; seed += 1) {
      const tape = await tapeOf(seed)
      batches += tape.length
      const [one, other] = [
        await playedOn(await memoryHarness().open(), tape),
        await playedOn(await there.open(), tape),
      ]
      const at = one.findIndex((line, index) => line !== other[index])
      if (at === -1 && one.length === other.length) passed += 1
      else {
        failed += 1
        console.log(`seed ${seed}: the stores part ${parting(one[at] ?? '', other[at] ?? '')}`)
      }
    }
  } finally {
    await server.remove()
  }
  console.log(`${batches} batches of ${seeds} worlds on SQLite and PostgreSQL ${server.version}`)
  return { passed, failed }
}
