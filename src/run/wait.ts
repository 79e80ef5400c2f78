import { TerminalError, ValidationError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { Clock } from '../time/clock.ts'
import { parseDuration } from '../time/duration.ts'
import { recorded } from './recorded-value.ts'
import type { Running } from './running.ts'
import { isSignalRecord, type SignalRecord, signalStep } from './waits.ts'

/** A wait that is nearly over is not worth a suspension and a claim. */
const inProcessMsMax = 1_000

export type WaitClock = Pick<Clock, 'now' | 'sleep'>

/** Sleeps until a time that is journaled: a crash, a retry or a restart in between does not lengthen it. */
export async function performSleep(
  running: Running,
  name: string,
  duration: number | string,
  clock: WaitClock,
): Promise<void> {
  const until = await journaledUntil(running, `sleep:${name}`, duration, clock)
  const leftMs = until - running.timeOf(clock)
  if (leftMs <= 0) return
  if (leftMs <= inProcessMsMax) await clock.sleep(leftMs, running.signal)
  else await running.wait({ wakeAt: until, awaits: null })
}

/** Gives what the next signal of this name carries, or null once the time is over. Which of the two is journaled. */
export async function performWait<T>(
  running: Running,
  name: string,
  timeout: number | string | undefined,
  clock: WaitClock,
): Promise<T | null> {
  const step = signalStep(name)
  const { ordinal, recorded: record } = running.journal.nextStep(step)
  if (record !== undefined)
    return contentOf<T>(running.decode<SignalRecord>(`The record of ${step}`, record.value, isSignalRecord))
  const startedAt = clock.now()
  const keep = async (value: string, takes?: { name: string; seq: number }): Promise<void> => {
    await running.send({ type: 'record_step', fence: running.fence, name: step, ordinal, value, startedAt, takes })
  }
  const signal = running.reconcileOnly ? undefined : running.inbox.take(name)
  if (signal !== undefined) {
    const { seq, payload } = signal
    const content = running.decode<T>(`What signal ${name} carries`, payload)
    await keep(`{"payload":${payload},"seq":${seq}}`, { name, seq })
    return content
  }
  const awaits = { name, seq: running.nextSignal(name) }
  if (timeout === undefined) return await running.wait({ wakeAt: null, awaits })
  const until = await journaledUntil(running, `wait:${name}`, timeout, clock)
  if (until > running.timeOf(clock) || running.reconcileOnly) return await running.wait({ wakeAt: until, awaits })
  await keep(recorded({ timedOut: true }, step))
  return null
}

const contentOf = <T>(record: SignalRecord): T | null => ('timedOut' in record ? null : (record.payload as T))

const isUntil = ({ until }: { readonly until: number }): boolean => typeof until === 'number'

async function journaledUntil(
  running: Running,
  step: string,
  duration: number | string,
  clock: WaitClock,
): Promise<number> {
  const ms = parseDuration(duration)
  if (isRefusal(ms)) throw new ValidationError(ms.reason)
  const { ordinal, recorded: record } = running.journal.nextStep(step)
  if (record !== undefined)
    return running.decode<{ until: number }>(`The record of ${step}`, record.value, isUntil).until
  if (running.reconcileOnly) return await running.wait({ wakeAt: null, awaits: null })
  const startedAt = running.timeOf(clock)
  const until = startedAt + ms
  const value = recorded({ until }, step)
  await running.send({ type: 'record_step', fence: running.fence, name: step, ordinal, value, startedAt })
  return until
}

const signalName = /^[\w.:/-]{1,100}$/

/** @throws TerminalError when a signal cannot have this name. */
export function checkSignalName(name: string): void {
  if (typeof name === 'string' && signalName.test(name)) return
  throw new TerminalError('The name of a signal must be 1 to 100 letters, digits or any of `_.:/-`.')
}
