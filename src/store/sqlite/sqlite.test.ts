import { storeContract } from '../contract/contract.ts'
import { fileHarness, memoryHarness } from './harness.ts'

storeContract('SQLite in memory', memoryHarness())
storeContract('SQLite in a file', fileHarness())
