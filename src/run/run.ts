import type { AnyAction } from '../action/action.ts'
import type { Claimed } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import type { RunOutcome } from '../execution/run-outcome.ts'
import { defaultRetryPolicy } from '../time/backoff.ts'
import { conclude } from './conclude.ts'
import { createContext } from './context.ts'
import { planExecution } from './planning.ts'
import { type RunPorts, readInput, timeLimits } from './prepare.ts'
import { Running } from './running.ts'
import { type Unlocked, unlock } from './secrets.ts'
import { runTargets } from './targets.ts'

/** Runs or plans one claimed execution to the end of its claim. Never throws: whatever happens is an outcome. */
export async function runExecution(claimed: Claimed, action: AnyAction, ports: RunPorts): Promise<RunOutcome> {
  if (claimed.execution.state === 'requested') return await planExecution(claimed, action, ports)
  let unlocked: Unlocked
  let input: unknown
  try {
    unlocked = await unlock(ports.secrets, claimed.request.tenant, action.secrets)
    input = await readInput(action, claimed.request.input)
  } catch (thrown) {
    return claimed.execution.ending === null ? { kind: 'threw', failure: classify(thrown) } : { kind: 'reconciled' }
  }
  const timers = timeLimits(claimed, action, ports)
  const { plan, targets } = claimed
  if (plan !== undefined && targets !== undefined) {
    const { retry = defaultRetryPolicy } = ports
    const outcome = await runTargets({ claimed, plan, targets, action, input, unlocked, ports, retry })
    for (const timer of timers) timer.cancel()
    return outcome
  }
  const running = new Running(claimed, ports.work, ports.abort, unlocked.mask)
  let end: { readonly value: unknown } | { readonly thrown: unknown }
  try {
    end = { value: await action.run(createContext(running, input, unlocked.values, ports)) }
  } catch (thrown) {
    end = { thrown }
  }
  await running.finish()
  for (const timer of timers) timer.cancel()
  return conclude(running, end)
}
