/** For tests of programs on Pawl, and of stores for it. `storeContract` needs vitest. */
export type { Harness as StoreHarness, Opened as OpenedStore } from './store/contract/harness.ts'
export { storeContract } from './store/contract/contract.ts'
export { VirtualClock } from './time/clock.ts'
