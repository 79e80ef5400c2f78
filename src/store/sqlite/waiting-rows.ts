import type { Signal, SignalHead } from '../../execution/execution.ts'
import type { Row } from './rows-of.ts'

export const signalOf = ([execution, name, seq, payload, by, at, dedupe]: Row): Signal =>
  ({ execution, name, seq, payload, by, at, dedupe }) as Signal

export const signalHeadOf = ([execution, name, seq, dedupe, takenAt]: Row): SignalHead =>
  ({ execution, name, seq, dedupe, isTaken: takenAt !== null }) as SignalHead
