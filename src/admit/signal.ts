import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { ControlCommand } from '../execution/command.ts'
import { childPrefix } from '../execution/decide-wait.ts'
import { canonicalize } from '../json/canonical.ts'

export interface SignalRequest {
  readonly name: string
  /** JSON of at most 256 KiB; null when not given. */
  readonly payload?: unknown
  /** A signal repeated with the same text is one. */
  readonly dedupe?: string | undefined
}

const signalName = /^[\w.:/-]{1,100}$/

/** Checks a signal completely and makes it canonical. */
export function checkSignal(signal: SignalRequest): Extract<ControlCommand, { type: 'signal' }> | Refusal {
  const { name, payload = null, dedupe = null } = signal
  const text = canonicalize(payload)
  if (isRefusal(text)) return text
  if (signalName.test(name) && !name.startsWith(childPrefix)) return { type: 'signal', name, payload: text, dedupe }
  const reason = `The name of a signal is 1 to 100 letters, digits or any of \`_.:/-\`, and does not begin with ${childPrefix}`
  return refuse('invalid_input', reason)
}
