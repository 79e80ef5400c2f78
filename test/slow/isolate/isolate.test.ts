import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pass } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { action, createPawl, type ExecutionView, type Pawl } from '../../../src/pawl.ts'
import { actions } from './bad-handlers.ts'

const folder = mkdtempSync(join(tmpdir(), 'pawl-isolate-'))
const secret = 'a secret that nobody may see'
let pawl: Pawl<typeof actions>

beforeAll(async () => {
  process.env.BAD_SECRET = secret
  pawl = await createPawl({ store: join(folder, 'pawl.db'), actions, slots: 4, identity: 'here' })
  await pawl.start()
})
afterAll(async () => {
  await pawl.stop({ graceMs: 0 })
  rmSync(folder, { recursive: true, force: true })
})

async function run(how: string, name: 'bad.run' | 'bad.hasty' = 'bad.run', ms = 0): Promise<ExecutionView> {
  const { id } = await pawl.submit({ action: name, input: { how, ms } })
  return await pawl.ended(id)
}

async function events(id: string) {
  const found = await pawl.engine.plane.events(id, 0, 1_000, { principal: 'human:test', tenant: 'default' })
  return 'refused' in found ? [] : found
}

/** Until the handler has recorded that it has begun. */
async function begun(id: string): Promise<void> {
  for await (const event of pawl.watch(id)) if (event.type === 'step_recorded') return
}

test('SE-25 an isolated run succeeds in a process of its own, which the next run of the action finds warm', async () => {
  const first = await pawl.result(await pawl.submit({ action: 'bad.secretive', input: { how: 'one' } }))
  const second = await pawl.result(await pawl.submit({ action: 'bad.secretive', input: { how: 'two' } }))
  expect(first).toEqual({ inEnvironment: false, inArguments: false, length: secret.length, pid: second.pid })
  expect(first.pid).not.toBe(process.pid)
})

test('SE-23 a handler that ends its process is a lone crash; three of them quarantine it with the evidence', async () => {
  const ended = await run('exit')
  expect(ended).toMatchObject({ state: 'failed', lastErrorClass: 'Poison', attempt: 3 })
  const quarantined = (await events(ended.id)).filter(({ type }) => type === 'quarantined')
  expect(quarantined).toMatchObject([{ data: { exitCode: 0, signal: null, lastStep: 'begun', loneLosses: 3 } }])
})

test('SE-23 a handler that fills the heap crashes alone, and its neighbours do not notice', async () => {
  const [hog, fine] = await Promise.all([run('heap'), run('fine')])
  expect(hog).toMatchObject({ state: 'failed', lastErrorClass: 'Poison' })
  expect(fine).toMatchObject({ state: 'succeeded', attempt: 1, result: 'fine' })
})

test('SE-23 memory outside the heap counts, too: the process is killed at its cap', async () => {
  const hog = await run('buffers')
  expect(hog).toMatchObject({ state: 'failed', lastErrorClass: 'Poison' })
  const [evidence] = (await events(hog.id)).filter(({ type }) => type === 'quarantined')
  expect(evidence).toMatchObject({ data: { signal: 'SIGKILL' } })
  expect(Number(evidence?.data?.memoryMb)).toBeGreaterThan(64)
})

test('SE-25 a handler that blocks its loop keeps its lease, for the heart beats elsewhere', async () => {
  expect(await run('block', 'bad.run', 1_500)).toMatchObject({ state: 'succeeded', attempt: 1, result: 'blocked' })
})

test('SE-26 a handler that never returns, or blocks its loop, is killed a grace after its time; each is a timeout', async () => {
  const both = await Promise.all([run('never', 'bad.hasty'), run('block', 'bad.hasty', 60_000)])
  for (const each of both) expect(each).toMatchObject({ state: 'failed', lastErrorClass: 'TimeoutError', attempt: 2 })
})

test('SE-23 a handler that throws undefined has failed, and has crashed nothing', async () => {
  const ended = await run('undefined')
  expect(ended).toMatchObject({ state: 'failed', lastErrorClass: 'UnknownError', lastError: 'Thrown: undefined' })
})

test('SE-25 a cancelled handler that listens ends by itself; one that does not is killed with all it has started', async () => {
  const path = join(folder, 'alive')
  const obedient = await pawl.submit({ action: 'bad.run', input: { how: 'obedient' } })
  const deaf = await pawl.submit({ action: 'bad.run', input: { how: 'offspring', path } })
  await Promise.all([begun(obedient.id), begun(deaf.id)])
  await Promise.all([pawl.cancel(obedient.id), pawl.cancel(deaf.id)])
  expect(await pawl.ended(obedient.id)).toMatchObject({ state: 'canceled' })
  expect(await pawl.ended(deaf.id)).toMatchObject({ state: 'canceled' })
  const last = readFileSync(path, 'utf8')
  await pass(300)
  expect(readFileSync(path, 'utf8')).toBe(last)
})

test('CP-008d an effect that took its process down is in doubt, and the proven death lets a "no" be believed', async () => {
  const { id } = await pawl.submit({ action: 'bad.run', input: { how: 'effect-then-exit' } })
  const ended = await pawl.ended(id)
  expect(ended).toMatchObject({ state: 'failed', lastErrorClass: 'Poison' })
  const reconciled = (await events(id)).filter(({ type }) => type === 'effect_reconciled')
  expect(reconciled.length).toBeGreaterThanOrEqual(2)
  const workers = await pawl.engine.host.views.workers()
  const cells = workers.filter(({ identity }) => identity.startsWith('here/cell-'))
  expect(cells.length).toBeGreaterThan(3)
  expect(cells.every(({ slots, actions: served }) => slots === 0 && served.length === 0)).toBe(true)
  expect(cells.filter(({ goneProof }) => goneProof === 'it ended with code 0').length).toBeGreaterThanOrEqual(6)
})

test('SE-25 an isolated action whose module nobody knows is refused at the start', async () => {
  const homeless = action({ name: 'homeless', version: 1, input: z.object({}), isolate: true, run: () => 1 })
  const options = { store: ':memory:', actions: [homeless] }
  await expect(createPawl(options)).rejects.toMatchObject({ code: 'isolate_without_module' })
  const known = await createPawl({ ...options, actionsModule: pathToFileURL('/nowhere.ts').href })
  await known.stop()
})
