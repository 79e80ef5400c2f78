import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type TestPawl, testPawl } from '../../src/testing.ts'
import { actions } from './actions.ts'
import { quote } from './quote.ts'
import sampleJson from './sample-quote.json' with { type: 'json' }
import { sandboxEnvironment, sandboxState } from './sandbox/process.ts'
import { type Sandbox, startSandbox } from './sandbox/server.ts'

const sample = quote.parse(sampleJson)
let sandbox: Sandbox
let engine: TestPawl<typeof actions>

beforeEach(async () => {
  sandbox = await startSandbox()
  const environment = sandboxEnvironment(sandbox.addresses)
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value)
  engine = await testPawl({
    actions,
    secrets: { PAWL_CRM_TOKEN: sandbox.addresses.crmToken, PAWL_SLACK_BOT_TOKEN: sandbox.addresses.slackBotToken },
  })
})
afterEach(async () => {
  await engine.stop()
  vi.unstubAllEnvs()
  await sandbox.close()
})

test('CP-008d a worker that dies behind the call to the CRM is followed by one that finds the account there', async () => {
  engine.crashAt('after:call:upsert')
  const result = await engine.run({ action: 'crm.sync_quote', input: sample })
  const { accounts } = await sandboxState(sandbox.addresses.url)
  expect(accounts).toMatchObject([{ id: result.crmId, revision: 1, quote: { number: 'Q-2041' } }])
  expect([engine.crashes, engine.crashesLeft()]).toEqual([['after:call:upsert'], []])
})

test('CP-008d a worker that dies before the call leaves a message that is posted once', async () => {
  engine.crashAt('after:intent:post')
  const { id } = await engine.submit({ action: 'slack.post_update', input: { quote: sample, update: 'pdf_ready' } })
  await engine.untilIdle()
  expect((await engine.get(id)).state).toBe('succeeded')
  expect((await sandboxState(sandbox.addresses.url)).messages).toHaveLength(1)
})

test('DG-02 a PDF has the same bytes whether a worker died on the way or not', async () => {
  engine.crashAt('after:step:price')
  const { sha256 } = await engine.run({ action: 'quote.render_pdf', input: sample })
  const calm = await testPawl({ actions })
  expect((await calm.run({ action: 'quote.render_pdf', input: sample })).sha256).toBe(sha256)
  await calm.stop()
})
