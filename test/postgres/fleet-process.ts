/** A process of a fleet on one database, in the role it is told. Says each time that the store has heard that it is there. */
import type { Orders } from '../../src/commit/order.ts'
import { createPawl } from '../../src/pawl.ts'
import { postgres } from '../../src/postgres.ts'
import { marks } from './shared-actions.ts'

const [url = '', dataDir = '', role = ''] = process.argv.slice(2)
const host = await postgres({ url })
const orders: Orders = {
  async give(order) {
    const answer = await host.orders.give(order)
    if (order.kind === 'present') process.send?.(order.kind)
    return answer
  },
}
const pawl = await createPawl({
  store: { ...host, orders },
  dataDir,
  actions: marks(() => {}),
  slots: 0,
  duties: role === 'leader',
  role: role === 'leader' ? 'leader' : 'api',
  settings: { leaseMs: 6_000, heartbeatMs: 1_000, sweepMs: 200 },
})
await pawl.start()
process.on('SIGTERM', () => void pawl.stop().then(() => process.exit(0)))
