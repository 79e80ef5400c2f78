import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { action, createPawl } from '../../src/pawl.ts'
import { openDatabase } from './database.ts'

const folders: string[] = []
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
})

test('SE-32 a right that one process takes back stops the next effect of a run in another', async () => {
  const begun = Promise.withResolvers<void>()
  const revoked = Promise.withResolvers<void>()
  const calls: string[] = []
  const act = action({
    name: 'demo.act',
    version: 1,
    input: z.unknown(),
    async run({ effect }) {
      await effect('first', { target: 'keyed', do: () => calls.push('first') })
      begun.resolve()
      await revoked.promise
      await effect('second', { target: 'keyed', do: () => calls.push('second') })
    },
  })
  const url = await openDatabase(inject('postgres'))
  const open = async (slots: number) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'pawl-rights-'))
    folders.push(dataDir)
    return createPawl({ store: url, actions: [act], slots, dataDir })
  }
  const [worker, desk] = [await open(1), await open(0)]
  try {
    const { version } = await desk.roles.grant('human:alice', 'operator', 'test', { actions: ['demo.*'] })
    const alice = desk.as({ principal: 'human:alice', tenant: 'default', role: 'operator' })
    await worker.start()
    const { id } = await alice.submit({ action: 'demo.act', input: null })
    await begun.promise
    await desk.roles.revoke(version, 'left')
    const waiting = await desk.submit({ action: 'demo.act', input: null })
    revoked.resolve()
    expect(await desk.ended(id)).toMatchObject({ state: 'failed', lastErrorClass: 'AuthError' })
    // Whoever else asked is not touched by it.
    expect(await desk.ended(waiting.id)).toMatchObject({ state: 'succeeded' })
    expect(calls).toEqual(['first', 'first', 'second'])
    // What the other process refuses, this one has read as well.
    await expect(
      worker
        .as({ principal: 'human:alice', tenant: 'default', role: 'operator' })
        .submit({ action: 'demo.act', input: 1 }),
    ).rejects.toMatchObject({ code: 'not_permitted' })
  } finally {
    await worker.stop({ graceMs: 100 })
    await desk.stop({ graceMs: 100 })
  }
})
