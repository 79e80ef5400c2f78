import { inject } from 'vitest'
import { storeContract } from '../../src/store/contract/contract.ts'
import { serverHarness } from '../../src/store/postgres/harness.ts'

storeContract('PostgreSQL', serverHarness(inject('postgres')))
