import { expect, test } from 'vitest'
import { bodyOf, serving } from './serving.ts'

interface Holder {
  readonly key: string
  readonly slot: number
  readonly holder: string | null
  readonly reserved: boolean
}

test('SE-24 people see who holds a lock and who waits for it in order, and an operator breaks it with a reason', async () => {
  await using server = await serving({ slots: 2 })
  const submit = async () => {
    const body = { action: 'demo.guarded', input: { lock: 'asset:web-17' } }
    return String((await bodyOf(await server.send('/v1/executions', { body }))).id)
  }
  const [holder, first, second] = [await submit(), await submit(), await submit()]
  const lock = async () => bodyOf(await server.send('/v1/locks/asset%3Aweb-17'))
  await expect.poll(async () => ((await lock()).waiting as unknown[]).length).toBe(2)
  const shown = await lock()
  expect((shown.holders as Holder[]).map((one) => [one.holder, one.reserved])).toEqual([[holder, false]])
  expect((shown.waiting as { place: number; execution: string }[]).map((one) => [one.place, one.execution])).toEqual([
    [1, first],
    [2, second],
  ])
  const listed = await bodyOf(await server.send('/v1/locks'))
  expect((listed.items as Holder[]).map(({ key, slot }) => [key, slot])).toEqual([['asset:web-17', 0]])
  const why = await bodyOf(await server.send(`/v1/executions/${second}/why`))
  expect(why.why).toContain(`"asset:web-17" is held by execution ${holder}`)
  expect(why.why).toContain('number 2 in line')

  const broken = { body: { reason: 'the host was replaced' } }
  expect(await bodyOf(await server.send('/v1/locks/asset%3Aweb-17/break', broken))).toMatchObject({ broken: 1 })
  expect(((await lock()).holders as Holder[])[0]).toMatchObject({ holder: first })
  const events = await bodyOf(await server.send(`/v1/executions/${holder}/events`))
  expect((events.items as { type: string }[]).map(({ type }) => type)).toContain('permit_broken')
  expect((await server.send('/v1/locks/nobody/break', broken)).status).toBe(404)
})

test('DG-01 an operator sets the capacity of a key and lifts it again; what all tenants share only an administrator changes', async () => {
  await using server = await serving({ slots: 0 })
  const set = { body: { key: 'tenant', capacity: 5, reason: 'quiet hours' } }
  expect(await bodyOf(await server.send('/v1/limits', set))).toEqual({ changed: true })
  const listed = async () => (await bodyOf(await server.send('/v1/limits'))).items
  expect(await listed()).toMatchObject([{ key: 'tenant', capacity: 5, reason: 'quiet hours', shared: false }])
  expect((await server.send('/v1/limits', { body: { ...set.body, capacity: 0 } })).status).toBe(422)
  const headers = { authorization: `Bearer ${await server.tokenOf('operator')}` }
  const shared = { body: { ...set.body, key: 'action:demo.add', shared: true }, headers }
  expect((await server.send('/v1/limits', shared)).status).toBe(403)
  // What a person writes for an action means the action over all tenants: anything else would count nothing.
  const { shared: _, ...named } = shared.body
  expect((await server.send('/v1/limits', { body: named, headers })).status).toBe(403)
  expect(await bodyOf(await server.send('/v1/limits', { body: named }))).toEqual({ changed: true })
  expect(await listed()).toMatchObject([{ key: 'action:demo.add', shared: true }, { key: 'tenant' }])
  expect(await bodyOf(await server.send('/v1/locks/action%3Ademo.add'))).toMatchObject({ limit: { capacity: 5 } })
  expect((await server.send('/v1/limits/action%3Ademo.add', { method: 'DELETE' })).status).toBe(200)
  expect((await server.send('/v1/limits/tenant', { method: 'DELETE' })).status).toBe(200)
  expect(await listed()).toEqual([])
})
