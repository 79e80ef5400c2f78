import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { isTerminal } from '../execution/machine.ts'
import type { EventView, ExecutionView } from '../projections/view.ts'
import type { CommandContext } from './command.ts'

export interface Waited {
  readonly execution: ExecutionView
  /** Events above `after`, when that was given. */
  readonly events: readonly EventView[]
  /** The execution has ended. */
  readonly done: boolean
  readonly timedOut: boolean
}

/** Waits for the first events above `after`, or without it for the end; at most `timeoutMs`. */
export async function waitFor(
  { plane, caller, clock, signal }: CommandContext,
  { id, after, timeoutMs }: { readonly id: string; readonly after: number | undefined; readonly timeoutMs: number },
): Promise<Waited | Refusal> {
  const start = await plane.get(id, caller)
  if (isRefusal(start)) return start
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  signal.addEventListener('abort', abort, { once: true })
  if (signal.aborted) abort()
  const timer = clock.timer(timeoutMs, abort)
  try {
    const watching = plane.watch(id, after ?? start.stateVersion, caller, stop.signal)
    for await (const _ of watching) if (after !== undefined) break
  } finally {
    timer.cancel()
    signal.removeEventListener('abort', abort)
  }
  const events = after === undefined ? [] : await plane.events(id, after, 1000, caller)
  if (isRefusal(events)) return events
  const execution = await plane.get(id, caller)
  if (isRefusal(execution)) return execution
  const done = isTerminal(execution.state)
  return { execution, events, done, timedOut: !done && events.length === 0 }
}
