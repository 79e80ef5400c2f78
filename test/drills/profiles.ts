import type { Settings } from '../../src/engine.ts'

/** Lease, heartbeat, sweep and poll in milliseconds. */
export type Times = Pick<Settings, 'leaseMs' | 'heartbeatMs' | 'sweepMs' | 'pollMs'>

/** Short, so that hundreds of rounds fit into minutes. The rules are those of every other lease. */
export const short: Times = { leaseMs: 1_500, heartbeatMs: 500, sweepMs: 250, pollMs: 250 }

/** Outlives a server that is started anew. */
export const patient: Times = { leaseMs: 3_000, heartbeatMs: 750, sweepMs: 250, pollMs: 250 }

/** The same with the poll of every day, so that hints have something to be sooner than. */
export const hinted: Times = { ...patient, pollMs: 1_000 }

/** What holds if nothing is set. */
export const standard: Times = { leaseMs: 30_000, heartbeatMs: 10_000, sweepMs: 5_000, pollMs: 1_000 }

/** A process that is proven dead gives its leases back within this time. */
export const provenBoundMs = 2_000
