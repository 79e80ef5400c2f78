/** For tests of programs on Pawl, and of stores for it. `storeContract` needs vitest. */

export { storeContract } from './store/contract/contract.ts'
export type { Harness as StoreHarness, Opened as OpenedStore } from './store/contract/harness.ts'
export { VirtualClock } from './time/clock.ts'
