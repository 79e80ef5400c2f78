import { setTimeout as sleep } from 'node:timers/promises'
import { z } from 'zod'
import { action, NetworkError } from '../../src/pawl.ts'

/** Milliseconds of work between two records, so that a kill meets a run somewhere inside. */
const workMs = 3

/**
 * A job that prints files and a manifest of them: journaled steps, chance inside and outside of them, retries. Whatever it
 * makes may depend on its input only. `isCareless` takes chance from elsewhere, as a handler should not.
 */
export const printing = (isCareless: boolean) =>
  action({
    name: 'drill.print',
    version: 1,
    input: z.object({ job: z.int(), files: z.int(), fails: z.int() }),
    retry: { maxAttempts: 1_000, baseMs: 5, capMs: 20 },
    async run({ input: { job, files, fails }, step, artifact, random, uuid, attempt }) {
      const chance = isCareless ? Math.random : random
      const first = chance()
      const sizes = await step('sizes', () =>
        Array.from({ length: files }, () => 1_000 + Math.floor(chance() * 30_000)),
      )
      const printed: { name: string; sha256: string; bytes: number; mark: string }[] = []
      for (const [index, size] of sizes.entries()) {
        await sleep(workMs)
        const mark = await step('mark', () => uuid())
        if (attempt <= fails && index === files - 1) throw new NetworkError('the printer is busy')
        const content = piecesOf(size, `${job} ${mark} ${chance()}`)
        const { name, sha256, bytes } = await artifact(`file-${index}.bin`, content, 'application/octet-stream')
        printed.push({ name, sha256, bytes, mark })
      }
      const manifest = JSON.stringify({ job, first, printed, last: chance() })
      const { sha256 } = await artifact('manifest.json', manifest, 'application/json')
      return { manifest: sha256 }
    },
  })

/** A stream of bytes that follow from their seed. */
async function* piecesOf(size: number, seed: string): AsyncGenerator<string> {
  for (let left = size; left > 0; left -= 1_000) {
    yield `${seed} ${left}`.padEnd(Math.min(left, 1_000), '.').slice(0, Math.min(left, 1_000))
    await sleep(0)
  }
}
