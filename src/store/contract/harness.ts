import type { Awaitable, StoreSession, Views } from '../store.ts'

/** A store under test. Every `open` gives an empty store of its own. */
export interface Harness {
  open(): Promise<Opened>
}

export interface Opened {
  readonly session: StoreSession
  views(): Awaitable<Views>
  /** A raw door past the port, as a person with a database shell has it. */
  readonly shell: Shell
  close(): Promise<void>
  /** Closes and opens the same data again; absent where nothing outlives closing. */
  readonly reopen?: (() => Promise<Opened>) | undefined
}

export interface Shell {
  /** Rejects with the database's own message. */
  run(sql: string): Promise<void>
  rows(sql: string): Promise<readonly Readonly<Record<string, unknown>>[]>
}
