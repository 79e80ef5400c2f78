import { readFileSync } from 'node:fs'
import type { EffectName } from './messages.ts'

/** What a worker asks the target for. */
export interface Ask {
  readonly effectKey: string
  readonly fence: number
  readonly execution: string
  readonly hold: 'received' | 'applied' | null
  /** Which host of a fleet it is for. */
  readonly host?: string | undefined
  /** Milliseconds until the answer, once it is applied. */
  readonly latencyMs?: number | undefined
}

export interface Arrival {
  readonly type: 'arrival'
  readonly at: number
  readonly arrival: number
  readonly name: EffectName
  readonly effectKey: string
  readonly fence: number
  readonly execution: string
  readonly host?: string | undefined
  /** Whether the intent was committed by then, as the tables say at that moment: the clocks of two processes cannot tell. */
  readonly isIntended: boolean
}

export interface Applied {
  readonly type: 'applied'
  readonly at: number
  readonly arrival: number
  readonly name: EffectName
  readonly effectKey: string
}

/** One line of the target's raw record. */
export type Entry =
  | Arrival
  | Applied
  | { readonly type: 'refused'; readonly at: number; readonly arrival: number; readonly effectKey: string }
  | { readonly type: 'look'; readonly at: number; readonly effectKey: string; readonly found: boolean }

export function readRecord(path: string): Entry[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Entry)
}
