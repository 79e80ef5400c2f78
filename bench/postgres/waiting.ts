/** Entry of one worker process of `npm run bench -- workers`: `waiting.ts store slots`. Begins when it is told to. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { action, createPawl } from '../../src/pawl.ts'

/** How long a handler waits, as one does for an answer from elsewhere. */
const handlerMs = 5

const told = Promise.withResolvers<void>()

const waiting = action({
  name: 'bench.wait',
  version: 1,
  input: z.object({}),
  async run() {
    await told.promise
    await setTimeout(handlerMs)
    return null
  },
})

const [store = '', slots = '1'] = process.argv.slice(2)
const dataDir = mkdtempSync(join(tmpdir(), 'pawl-bench-worker-'))
const pawl = await createPawl({ store, actions: [waiting], slots: Number(slots), dataDir, duties: false })

process.once('message', () => {
  process.once('message', () => void end())
  const before = process.cpuUsage()
  process.once('disconnect', () => process.exit(1))
  told.resolve()
  spent = () => {
    const { user, system } = process.cpuUsage(before)
    return (user + system) / 1_000
  }
})
let spent = (): number => 0

async function end(): Promise<void> {
  process.removeAllListeners('disconnect')
  process.send?.({ cpuMs: spent() })
  await pawl.stop()
  rmSync(dataDir, { recursive: true, force: true })
  process.disconnect()
}

await pawl.start()
process.send?.('ready')
