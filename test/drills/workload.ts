import { setTimeout } from 'node:timers/promises'
import { z } from 'zod'
import { type AnyAction, action, type EffectSpec } from '../../src/pawl.ts'
import { arriveAt } from './link.ts'
import type { EffectName, Point } from './messages.ts'

/** What the target answers to a call, and to a look. */
interface Receipt {
  readonly applied: string
}

const input = z.object({
  key: z.string(),
  hold: z.string().nullable(),
  /** Also has an opaque effect at which nobody can look. */
  blind: z.boolean(),
  deaf: z.boolean(),
})

/** One step and an effect of each kind; its run can be caught at any `Point`. */
export function workload(target: string): AnyAction {
  return action({
    name: 'drill.run',
    version: 1,
    input,
    retry: { maxAttempts: 60, baseMs: 20, capMs: 200 },
    async run(context) {
      const { hold, blind, deaf } = context.input
      const at = async (point: Point): Promise<void> => {
        if (hold === point) await arriveAt(point, context.executionId, context.fence)
      }
      const holdInTarget = (name: EffectName): 'received' | 'applied' | null =>
        hold === `received:${name}` ? 'received' : hold === `applied:${name}` ? 'applied' : null
      const spec = (name: EffectName): Pick<EffectSpec<Receipt>, 'do'> => ({
        async do({ effectKey, fence, signal }) {
          await at(`intent:${name}`)
          const answer = await fetch(`${target}/${name}`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ effectKey, fence, execution: context.executionId, hold: holdInTarget(name) }),
            ...(deaf ? {} : { signal }),
          })
          const receipt = await read(answer)
          await at(`answered:${name}`)
          return receipt
        },
      })
      const look: Pick<EffectSpec<Receipt>, 'reconcile'> = {
        async reconcile({ effectKey }) {
          const answer = await fetch(`${target}/find?key=${effectKey}`)
          return answer.status === 404 ? null : await read(answer)
        },
      }
      const loaded = await context.step('load', async () => {
        await at('step')
        return { key: context.input.key, token: context.uuid() }
      })
      const keyed = await context.effect('keyed', { target: 'keyed', ...spec('keyed') })
      const fenced = await context.effect('fenced', { target: 'fenced', ...spec('fenced') })
      const opaque = await context.effect('opaque', { target: 'opaque', ...spec('opaque'), ...look })
      const unseen = blind ? await context.effect('blind', { target: 'opaque', ...spec('blind') }) : null
      await at('settle')
      return { loaded, keyed, fenced, opaque, unseen }
    },
  })
}

/** Holds a lock and acts again and again until it is told to end. */
export const patient = (target: string): AnyAction =>
  action({
    name: 'drill.patient',
    version: 1,
    input: z.object({ number: z.number() }),
    locks: ({ number }) => [`patient:${number}`],
    async run({ effect, executionId, signal }) {
      for (;;) {
        await effect('keyed', {
          target: 'keyed',
          async do({ effectKey, fence }) {
            const body = JSON.stringify({ effectKey, fence, execution: executionId, hold: null })
            const headers = { 'content-type': 'application/json' }
            return await read(await fetch(`${target}/keyed`, { method: 'POST', headers, body }))
          },
        })
        await setTimeout(100, undefined, { signal })
      }
    },
  })

/** Acts while it holds one of a few locks. */
export const exclusive = (target: string): AnyAction =>
  action({
    name: 'drill.exclusive',
    version: 1,
    input: z.object({ lock: z.number() }),
    locks: ({ lock }) => [`lane:${lock}`],
    retry: { maxAttempts: 60, baseMs: 20, capMs: 200 },
    run: ({ effect, executionId, signal }) =>
      effect('keyed', {
        target: 'keyed',
        async do({ effectKey, fence }) {
          const body = JSON.stringify({ effectKey, fence, execution: executionId, hold: null })
          const headers = { 'content-type': 'application/json' }
          return await read(await fetch(`${target}/keyed`, { method: 'POST', headers, body, signal }))
        },
      }),
  })

const anything = z.object({})

/** Work without effects, of which many can be done in a short time. */
export const quick: AnyAction = action({ name: 'drill.quick', version: 1, input: anything, run: () => null })

/** The server knows it, and no worker serves it: it waits until its time is over. */
export const unserved: AnyAction = action({ name: 'drill.unserved', version: 1, input: anything, run: () => null })

async function read(answer: Response): Promise<Receipt> {
  if (!answer.ok) throw new Error(`the target answered with status ${answer.status}`)
  return (await answer.json()) as Receipt
}
