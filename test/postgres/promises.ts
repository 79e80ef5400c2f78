import { promises } from '../../src/store/contract/contract.ts'
import { takesUpWhatCallersLeft } from './takes-up.ts'

/** What a store on PostgreSQL must keep: the contract of every store, and what callers leave in transactions of their own. */
export const postgresPromises = { ...promises, 'takes up what callers left': takesUpWhatCallersLeft } as const
