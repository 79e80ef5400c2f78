import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { connect } from '../../src/client.ts'
import { CommandLine } from './commands.ts'
import { openDatabase } from './database.ts'

const folder = mkdtempSync(join(tmpdir(), 'pawl-roles-'))
const actions = ['--actions', join(import.meta.dirname, 'versions.ts')]
let line: CommandLine | undefined
afterEach(async () => {
  await line?.endAll()
  rmSync(folder, { recursive: true, force: true })
})

const readiness = async (url: string) => {
  const answer = await fetch(`${url}/readyz`)
  return [answer.status, await answer.json()]
}

test('REL-03 processes of one role each do its part; a rolling deploy gives each version to who has it; a drained worker ends', async () => {
  line = new CommandLine(folder, { PAWL_STORE: await openDatabase(inject('postgres')) })
  const api = line.start('api', ['serve', '--role', 'api', '--port', '0', ...actions], { VERSIONS: '1,2' })
  const [, url = ''] = await api.said(/listens at (\S+)/)
  await api.said(/Stop it with/)
  const leader = line.start('leader', ['serve', '--role', 'leader', '--port', '0', ...actions], { VERSIONS: '1,2' })
  const old = line.start('w1', ['worker', '--identity', 'w1', ...actions], { VERSIONS: '1' })
  const [[, told = '']] = await Promise.all([leader.said(/told at (\S+)\/readyz/), old.said(/works on the database/)])
  expect(await readiness(url)).toEqual([200, { status: 'ready', role: 'api' }])
  expect(await readiness(told)).toEqual([200, { status: 'ready', role: 'leader' }])
  expect((await fetch(`${told}/v1/ops`)).status).toBe(404)

  const { token } = JSON.parse(readFileSync(join(folder, 'api', 'server.json'), 'utf8')) as { token: string }
  const client = connect({ url, token })
  const submit = async (version: number) => (await client.submit({ action: 'deploy.quote', version, input: {} })).id
  const first = await submit(1)
  expect(await client.wait(first)).toMatchObject({ state: 'succeeded' })
  const second = await submit(2)
  expect((await client.why(second)).why).toBe('No live worker has deploy.quote version 2: it waits for one.')

  const next = line.start('w2', ['worker', '--identity', 'w2', ...actions], { VERSIONS: '1,2' })
  expect(await client.wait(second)).toMatchObject({ result: { version: 2, pid: next.child.pid } })
  expect((await client.ops()).leader).toMatchObject({ pid: leader.child.pid, endedAt: null })

  expect(await client.workers.drain('w1', 'version 2 is here')).toMatchObject([{ id: 'w1', state: 'draining' }])
  expect(await old.ended).toMatchObject({ exit: 0, err: expect.stringContaining('It was drained') })
  expect(await client.wait(await submit(1))).toMatchObject({ result: { version: 1, pid: next.child.pid } })
  expect(await client.workers.list()).toMatchObject([
    { id: 'w1', state: expect.stringMatching(/^(drained|gone)$/), role: 'worker' },
    { id: 'w2', state: 'live', role: 'worker', leads: null, actions: [{ version: 1 }, { version: 2 }] },
    { state: 'live', role: 'api', pid: api.child.pid, slots: 0, leads: null },
    { state: 'live', role: 'leader', pid: leader.child.pid, slots: 0, leads: 1 },
  ])
  const [served] = await client.workers.list({ role: 'api' })
  await expect(client.workers.drain(served?.id ?? '', 'enough')).rejects.toMatchObject({
    code: 'process_takes_no_work',
  })
  const ends = await Promise.all([api, leader, next].map((each) => each.end()))
  expect(ends.map(({ exit }) => exit)).toEqual([0, 0, 0])
})
