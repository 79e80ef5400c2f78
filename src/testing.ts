/** For tests of programs on Pawl, in any test runner; and of stores for it, in vitest. */
import type { Harness } from './store/contract/harness.ts'

export { artifactMemory } from './artifacts/memory.ts'
export type { Harness as StoreHarness, Opened as OpenedStore } from './store/contract/harness.ts'
export type { CrashPoint } from './testing/crash-points.ts'
export { TestPawl, type TestPawlOptions, testPawl, type Within } from './testing/test-pawl.ts'
export { VirtualClock } from './time/clock.ts'

/** The promises of every store as tests of vitest, which is loaded only here: `await storeContract('mine', harness)`. */
export async function storeContract(name: string, harness: Harness): Promise<void> {
  const contract = await import('./store/contract/contract.ts')
  contract.storeContract(name, harness)
}
