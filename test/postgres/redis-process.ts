/** A worker on one database that hears of due work through Redis, until it is killed. */
import { appendFileSync } from 'node:fs'
import { z } from 'zod'
import { bullmq } from '../../src/bullmq.ts'
import { action, createPawl } from '../../src/pawl.ts'

/** What both workers serve: the one that is called `stuck` never ends a run. */
const held = (identity: string, file: string) =>
  action({
    name: 'print.page',
    version: 1,
    input: z.object({ page: z.int() }),
    retry: { maxAttempts: 3, baseMs: 1, multiplier: 1, capMs: 1, jitter: 'none' },
    run: async ({ input }) => {
      appendFileSync(file, `${identity} ${input.page}\n`)
      if (identity === 'stuck') await new Promise(() => {})
      return input.page
    },
  })

const [store = '', url = '', identity = '', file = '', dataDir = ''] = process.argv.slice(2)
const pawl = await createPawl({
  store,
  identity,
  dataDir,
  actions: [held(identity, file)],
  slots: 2,
  settings: { leaseMs: 3_000, heartbeatMs: 1_000, sweepMs: 500, pollMs: 600_000 },
  dispatch: bullmq({ url, lockMs: 1_000 }),
})
await pawl.start()
process.send?.('started')
process.on('SIGTERM', () => void pawl.stop().then(() => process.exit(0)))
