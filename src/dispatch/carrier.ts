import type { Hint } from '../protocol/protocol.ts'

/** A hint on its way: what is due, and of which action. */
export interface SentHint extends Hint {
  readonly action: string
  readonly version: number
}

/** What people are shown of an execution that ended as failed. */
export interface SentLetter {
  readonly execution: string
  readonly action: string
  readonly version: number
  readonly attempt: number
  readonly errorClass: string | null
  /** Epoch milliseconds. */
  readonly at: number
}

/** One that lies there no longer. */
export type RecalledLetter = Pick<SentLetter, 'execution' | 'action'>

/** A hint that was handed to this process and to nobody else. None of these throws. */
export interface Offer {
  readonly hint: Hint
  /** It has served: what it spoke of has run, or there was nothing to do. */
  done(outcome: 'ran' | 'nothing to do'): void
  /** Somebody else may have it. */
  giveBack(): void
}

/** Lets those through who fetch, while more is wanted. */
export interface Appetite {
  /** Resolves as soon as more is wanted. */
  wanted(): Promise<void>
  offer(offer: Offer): void
}

export interface PulledQueue {
  readonly action: string
  readonly version: number
}

/** One connection to whatever carries hints, from the time it stands until it fails; then another one takes its place. */
export interface Carrier {
  /** Resolves with the reason once it carries nothing any more. */
  readonly failed: Promise<string>
  send(hints: readonly SentHint[]): Promise<void>
  bury(letters: readonly SentLetter[]): Promise<void>
  /** Takes dead letters of what goes on out again. */
  recall(letters: readonly RecalledLetter[]): Promise<void>
  /** Fetches hints of these queues while they are wanted, until the carrier ends. */
  pull(queues: readonly PulledQueue[], appetite: Appetite): void
  /** Resolves when a write has gone through. */
  probe(): Promise<void>
  close(): Promise<void>
}
