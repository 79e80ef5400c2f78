/** One of several processes on one database that take turns as its leader. Says which epoch it leads under, and what was refused. */
import { createPawl } from '../../src/pawl.ts'
import { marks } from './shared-actions.ts'

const [store = '', dataDir = ''] = process.argv.slice(2)
const pawl = await createPawl({
  store,
  dataDir,
  actions: marks(() => {}),
  slots: 0,
  settings: { leaseMs: 6_000, heartbeatMs: 1_000, sweepMs: 200 },
  log: (_level, message, fields) => process.send?.({ message, epoch: fields.epoch }),
})
await pawl.start()
process.send?.({ message: 'started', epoch: null })
process.on('SIGTERM', () => void pawl.stop().then(() => process.exit(0)))
