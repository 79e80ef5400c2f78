/** One of several processes on one database: runs what is due until it is told to stop, or killed. */
import { appendFileSync } from 'node:fs'
import { createPawl } from '../../src/pawl.ts'
import { marks } from './shared-actions.ts'

const [store = '', identity = '', file = '', dataDir = ''] = process.argv.slice(2)
const pawl = await createPawl({
  store,
  identity,
  dataDir,
  actions: marks((line) => appendFileSync(file, `${line}\n`)),
  slots: 5,
  settings: { leaseMs: 3_000, heartbeatMs: 1_000, sweepMs: 500 },
})
await pawl.start()
process.send?.('started')
process.on('SIGTERM', () => void pawl.stop().then(() => process.exit(0)))
