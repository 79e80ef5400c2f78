import { z } from 'zod'
import { type AnyAction, action } from '../../../src/action/action.ts'

/** Everything by which a run talks to the store, one after the other; its child is what a test calls `demo.child`. */
export const everything: AnyAction = action({
  name: 'demo.everything',
  version: 1,
  input: z.unknown(),
  async run({ step, effect, sleep, waitForSignal, child: spawn, progress }) {
    await step('first', () => 1)
    await progress(0.5)
    await effect('keyed', { target: 'keyed', do: () => 'applied' })
    await sleep('rest', '5s')
    await effect('looked', { target: 'opaque', do: () => 'applied', reconcile: () => 'applied' })
    await waitForSignal('never', { timeout: '3s' })
    const one = await spawn('one', { action: 'demo.child', input: null })
    await one.result()
    await effect('last', { target: 'fenced', do: () => 'applied' })
    return 'done'
  },
})
