import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type ExecutionView, Refused } from '../../src/pawl.ts'
import { type TestPawl, testPawl } from '../../src/testing.ts'
import { actions } from './actions.ts'
import { type Services, startServices } from './services.ts'

let services: Services
let engine: TestPawl<typeof actions>

beforeEach(async () => {
  services = await startServices()
  vi.stubEnv('FLEET_ASSETS_URL', services.urls.assets)
  vi.stubEnv('FLEET_AUTOMATION_URL', services.urls.automation)
  engine = await testPawl({ actions, caller: { principal: 'human:ada', tenant: 'default' } })
})
afterEach(async () => {
  await engine.stop()
  vi.unstubAllEnvs()
  await services.close()
})

const as = (principal: string) => engine.pawl.as({ principal, tenant: 'default', role: 'operator' })
const codeOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof Refused ? thrown.code : thrown),
  )
/** The services are real ones: what is asked of them is not there before they have answered. */
const until = async (id: string, state: string, isThere: (view: ExecutionView) => boolean = () => true) => {
  const standing = async () => {
    await engine.untilIdle()
    const view = await engine.get(id)
    return view.state === state && isThere(view)
  }
  await expect.poll(standing, { timeout: 30_000, interval: 5 }).toBe(true)
  return await engine.get(id)
}
const planned = async (id: string, but: string | null = null): Promise<string> =>
  (await until(id, 'requested', ({ planHash }) => planHash !== null && planHash !== but)).planHash ?? ''
const done = () => services.jobs.map(({ kind, asset }) => `${kind} ${asset}`)

test('EX-fleet SE-30 level 0: how many servers, and how full a disk is, is answered at once and asks nobody', async () => {
  expect(await engine.run({ action: 'asset.count', input: { group: 'web', env: 'prod' } })).toEqual({ count: 50 })
  expect(await engine.run({ action: 'asset.count', input: {} })).toEqual({ count: 55 })
  expect(await engine.run({ action: 'asset.disk', input: { name: 'web-02' } })).toEqual({
    name: 'web-02',
    diskUsedPercent: 48,
  })
})

test('EX-fleet SE-30 level 1: nginx is restarted once whoever asked for it has said yes', async () => {
  const input = { asset: 'web-01', service: 'nginx' }
  const { id, state, planHash } = await engine.submit({ action: 'service.restart', input })
  await engine.untilIdle()
  expect([state, done()]).toEqual(['requested', []])
  await as('human:ada').approve(id, planHash ?? '')
  await until(id, 'succeeded')
  expect(done()).toEqual(['restart web-01'])
})

test('EX-fleet SE-30 SE-31 level 2: all databases are backed up when somebody else has agreed to exactly this list, and resumes', async () => {
  const { id } = await engine.submit({ action: 'fleet.backup', input: {} })
  const first = await planned(id)
  expect(await codeOf(as('human:ada').approve(id, first))).toBe('own_request')
  services.assets.push({ name: 'db-4', group: 'databases', env: 'prod', diskUsedPercent: 1 })
  await as('human:bob').replan(id)
  const hash = await planned(id, first)
  expect(await codeOf(as('human:bob').approve(id, first))).toBe('plan_differs')
  await as('human:bob').approve(id, hash)
  await engine.untilIdle()
  expect(done()).toEqual([])
  await as('human:bob').resume(id)
  await until(id, 'succeeded')
  expect(done().sort()).toEqual(['backup db-1', 'backup db-2', 'backup db-3', 'backup db-4'])
})

test('EX-fleet SE-30 level 2 on staging, level 3 on production: 50 servers in three waves, each with its own yes', async () => {
  const staging = await engine.submit({ action: 'fleet.deploy', input: { release: '2.1', env: 'staging' } })
  const { id } = await engine.submit({ action: 'fleet.deploy', input: { release: '2.1', env: 'prod' } })
  const planHash = await planned(id)
  expect((await engine.get(staging.id)).approvalLevel).toBe('plan_review')
  const bob = as('human:bob')
  await bob.approve(id, planHash)
  await bob.resume(id)
  expect((await until(id, 'waiting')).approvalLevel).toBe('step_by_step')
  expect(done()).toEqual([])
  for (const [wave, deployed] of [1, 25, 50].entries()) {
    expect(await codeOf(bob.resume(id))).toBe('step_not_approved')
    await bob.approve(id, planHash, { step: wave })
    await engine.untilIdle()
    expect(services.jobs.length).toBeLessThan(deployed)
    await bob.resume(id)
    await until(id, deployed === 50 ? 'succeeded' : 'waiting')
    expect(services.jobs).toHaveLength(deployed)
  }
  expect(new Set(done()).size).toBe(50)
})

test('EX-fleet SE-31 a wave whose approval is taken back stops before its next server, and goes on when it is given again', async () => {
  const { id } = await engine.submit({ action: 'fleet.deploy', input: { release: '2.2', env: 'prod' } })
  const bob = as('human:bob')
  const planHash = await planned(id)
  await bob.approve(id, planHash)
  for (const step of [0, 1, 2]) await bob.approve(id, planHash, { step })
  const third = Promise.withResolvers<unknown>()
  const push = services.jobs.push.bind(services.jobs)
  services.jobs.push = (...jobs) => {
    if (services.jobs.length === 2) void bob.revoke(id, 'the customer called').then(third.resolve, third.reject)
    return push(...jobs)
  }
  await bob.resume(id)
  await third.promise
  await until(id, 'waiting')
  expect(services.jobs.length).toBeLessThan(6)
  await bob.approve(id, planHash)
  await bob.resume(id)
  await until(id, 'succeeded')
  expect(new Set(done()).size).toBe(50)
})
