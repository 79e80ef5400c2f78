import type { RunContext } from '../../src/action/action.ts'
import { classify } from '../../src/errors/failures.ts'
import { isRefusal, type Refusal } from '../../src/errors/refusal.ts'
import type { PermitCommand } from '../../src/execution/command.ts'
import type { Clock } from '../../src/time/clock.ts'

type Run = Pick<RunContext, 'executionId' | 'fence' | 'signal'>

/** Permits that one step of a run takes and gives back, as often as it takes to be heard. */
export interface StepPermits {
  take(run: Run, step: string, keys: readonly string[]): Promise<void>
  give(run: Run, step: string): Promise<void>
}

export interface StepPermitPorts {
  readonly clock: Clock
  readonly send: (execution: string, command: PermitCommand) => Promise<Refusal | object>
}

const pauseMs = 1_500

export function stepPermits({ clock, send }: StepPermitPorts): StepPermits {
  return {
    async take({ executionId, fence, signal }, step, keys) {
      for (;;) {
        try {
          const answer = await send(executionId, { type: 'take_permits', fence, step, keys })
          if (!isRefusal(answer)) return
          if (answer.code !== 'permit_busy') throw new Error(answer.reason)
        } catch (thrown) {
          // Asked again: an order that was carried out twice takes nothing twice.
          if (classify(thrown).errorClass !== 'NetworkError') throw thrown
        }
        await clock.sleep(pauseMs, signal)
      }
    },
    async give({ executionId, fence }, step) {
      // What is not heard ends with the lease.
      await send(executionId, { type: 'give_permits', fence, step }).catch(() => {})
    },
  }
}
