import type { AnyAction } from '../action/action.ts'
import type { Claimed } from '../commit/order.ts'
import type { RunOutcome } from '../execution/run-outcome.ts'
import { defaultRetryPolicy } from '../time/backoff.ts'
import type { Timer } from '../time/clock.ts'
import { refuseOtherCode } from './approved-code.ts'
import { conclude, threwMasked } from './conclude.ts'
import { createContext } from './context.ts'
import { planExecution } from './planning.ts'
import { type RunPorts, readInput, timeLimits } from './prepare.ts'
import { Running } from './running.ts'
import { type Unlocked, unlock } from './secrets.ts'
import { runTargets } from './targets.ts'

/** Runs or plans one claimed execution to the end of its claim. Never throws: whatever happens is an outcome. */
export async function runExecution(claimed: Claimed, action: AnyAction, ports: RunPorts): Promise<RunOutcome> {
  if (claimed.execution.state === 'requested') return await planExecution(claimed, action, ports)
  let mask: Unlocked['mask'] = (text) => text
  let timers: readonly Timer[] = []
  try {
    const unlocked = await unlock(ports.secrets, claimed.request.tenant, action.secrets)
    mask = unlocked.mask
    const input = await readInput(action, claimed.request.input)
    refuseOtherCode(claimed, action)
    timers = timeLimits(claimed, action, ports)
    const { plan, targets } = claimed
    if (plan === undefined || targets === undefined) return await runOnce(claimed, action, input, unlocked, ports)
    const { retry = defaultRetryPolicy } = ports
    return await runTargets({ claimed, plan, targets, action, input, unlocked, ports, retry })
  } catch (thrown) {
    // Nothing of the handler has run: what it needs is not there or cannot be read.
    return claimed.execution.ending === null ? threwMasked(mask, thrown) : { kind: 'reconciled' }
  } finally {
    for (const timer of timers) timer.cancel()
  }
}

async function runOnce(
  claimed: Claimed,
  action: AnyAction,
  input: unknown,
  { values, mask }: Unlocked,
  ports: RunPorts,
): Promise<RunOutcome> {
  const running = new Running(claimed, ports.work, ports.abort, mask)
  let end: { readonly value: unknown } | { readonly thrown: unknown }
  try {
    end = { value: await action.run(createContext(running, input, values, ports)) }
  } catch (thrown) {
    end = { thrown }
  }
  await running.finish()
  return conclude(running, end)
}
