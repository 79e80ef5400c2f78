import { describe, inject } from 'vitest'
import { storeContract } from '../../src/store/contract/contract.ts'
import { serverHarness } from '../../src/store/postgres/harness.ts'
import { takesUpWhatCallersLeft } from './takes-up.ts'

const harness = serverHarness(inject('postgres'))
storeContract('PostgreSQL', harness)
describe('PostgreSQL takes up what callers left', () => {
  takesUpWhatCallersLeft(harness)
})
