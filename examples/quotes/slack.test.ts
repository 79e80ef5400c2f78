import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebClient } from '@slack/web-api'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { AuthError, NetworkError, RateLimitError, TimeoutError, UnknownOutcome } from '../../src/errors/failures.ts'
import { askForFaults, type FaultWish, sandboxState } from './sandbox/process.ts'
import { type Sandbox, startSandbox } from './sandbox/server.ts'
import { escapeText, findByEffectKey, findThread, postMessage, type SlackConnection } from './slack.ts'

const route = '/api/chat.postMessage'

let sandbox: Sandbox
let connection: SlackConnection

beforeEach(async () => {
  sandbox = await startSandbox()
  const { slackApiUrl, slackBotToken, slackChannel } = sandbox.addresses
  connection = { apiUrl: slackApiUrl, token: slackBotToken, channel: slackChannel }
})
afterEach(() => sandbox.close())

function post(effectKey: string, threadTs: string | null = null, changed: Partial<SlackConnection> = {}) {
  return postMessage({ ...connection, ...changed }, { text: 'Quote Q-1', threadTs, effectKey, subject: 'quote:Q-1' })
}

async function posted(): Promise<unknown[]> {
  const { messages } = await sandboxState(sandbox.addresses.url)
  return messages.map((message) => message.metadata?.event_payload.effect_key)
}

test('EX-quotes a message carries the key of its effect and is found by it, in the channel and in a thread', async () => {
  const root = await post('e1')
  const reply = await post('e2', root.ts)
  const { messages } = await sandboxState(sandbox.addresses.url)
  expect(messages[1]).toMatchObject({
    thread_ts: root.ts,
    metadata: { event_type: 'pawl_effect', event_payload: { effect_key: 'e2', subject: 'quote:Q-1' } },
  })
  expect(await findByEffectKey(connection, { effectKey: 'e1', threadTs: null })).toEqual(root)
  expect(await findByEffectKey(connection, { effectKey: 'e2', threadTs: root.ts })).toEqual(reply)
  expect(await findByEffectKey(connection, { effectKey: 'e3', threadTs: root.ts })).toBeNull()
  expect(await findThread(connection, 'quote:Q-1')).toBe(root.ts)
  expect(await findThread(connection, 'quote:Q-2')).toBeNull()
})

test('EX-quotes a message on a later page is found', async () => {
  const first = await post('first')
  const other = new WebClient(connection.token, { slackApiUrl: connection.apiUrl })
  for (let n = 0; n < 205; n += 1) await other.chat.postMessage({ channel: connection.channel, text: `noise ${n}` })
  expect(await findByEffectKey(connection, { effectKey: 'first', threadTs: null })).toEqual(first)
})

test.each<[string, FaultWish, new (...all: never[]) => Error]>([
  ['a dropped connection', { kind: 'drop', when: 'after', route }, NetworkError],
  ['a hanging server', { kind: 'hang', when: 'after', route }, TimeoutError],
  ['a 500', { kind: 'status', when: 'after', status: 500, route }, NetworkError],
  ['fatal_error', { kind: 'slack_error', when: 'after', error: 'fatal_error', route }, NetworkError],
])(
  'CP-008d an answer lost by %s after the post is in doubt, is sent once only, and is found',
  async (_what, fault, failure) => {
    await askForFaults(sandbox.addresses.url, fault)
    await expect(post('e1', null, { timeoutMs: 500 })).rejects.toBeInstanceOf(failure)
    expect(await posted()).toEqual(['e1'])
    expect(await findByEffectKey(connection, { effectKey: 'e1', threadTs: null })).toMatchObject({ threadTs: null })
  },
)

test.each<[string, FaultWish, object]>([
  [
    '429',
    { kind: 'status', when: 'before', status: 429, retryAfterSeconds: 3, route },
    { retryable: true, causeClass: 'RateLimitError', cause: { retryAfterMs: 3_000 } },
  ],
  [
    '429 without a delay',
    { kind: 'status', when: 'before', status: 429, route },
    { retryable: true, causeClass: 'RateLimitError' },
  ],
  [
    'channel_not_found',
    { kind: 'slack_error', when: 'before', error: 'channel_not_found', route },
    { retryable: false, causeClass: 'ValidationError' },
  ],
  [
    'token_revoked',
    { kind: 'slack_error', when: 'before', error: 'token_revoked', route },
    { retryable: false, causeClass: 'AuthError' },
  ],
])('CP-008d a refusal by %s is NotApplied at once, without a retry of the client', async (_what, fault, shape) => {
  await askForFaults(sandbox.addresses.url, fault)
  await expect(post('e1')).rejects.toMatchObject({ errorClass: 'NotApplied', ...shape })
  expect(await posted()).toEqual([])
  expect((await sandboxState(sandbox.addresses.url)).requests).toBe(1)
})

test('CP-008d a refused connection is NotApplied for a post, and a NetworkError for a look-up', async () => {
  await sandbox.close()
  await expect(post('e1')).rejects.toMatchObject({
    errorClass: 'NotApplied',
    retryable: true,
    causeClass: 'NetworkError',
  })
  await expect(findByEffectKey(connection, { effectKey: 'e1', threadTs: null })).rejects.toBeInstanceOf(NetworkError)
  sandbox = await startSandbox()
})

test('CP-008d a refused look-up is never taken for a message that is not there', async () => {
  const look = (changed: Partial<SlackConnection> = {}) =>
    findByEffectKey({ ...connection, ...changed }, { effectKey: 'e', threadTs: null })
  await expect(look({ token: 'wrong' })).rejects.toBeInstanceOf(AuthError)
  await askForFaults(sandbox.addresses.url, {
    kind: 'status',
    when: 'before',
    status: 429,
    retryAfterSeconds: 1,
    route: '/api/conversations.history',
  })
  await expect(look()).rejects.toBeInstanceOf(RateLimitError)
})

const look = { effectKey: 'e', threadTs: null }

test('CP-008d a history too long to read to its end gives no answer instead of a wrong one', async () => {
  const endless = await startAnswering({
    messages: [{ ts: '1.0', text: 'x' }],
    response_metadata: { next_cursor: 'more' },
  })
  await expect(findByEffectKey({ ...connection, apiUrl: endless.apiUrl }, look)).rejects.toBeInstanceOf(UnknownOutcome)
  await endless.close()
})

test('CP-008d a token that may not read metadata gives no answer instead of a wrong one', async () => {
  const blind = await startAnswering(
    { messages: [{ ts: '1.0', text: 'x' }] },
    { 'X-OAuth-Scopes': 'chat:write,channels:history' },
  )
  await expect(findByEffectKey({ ...connection, apiUrl: blind.apiUrl }, look)).rejects.toBeInstanceOf(AuthError)
  await blind.close()
})

test('an abort throws the reason of whoever aborted', async () => {
  await askForFaults(sandbox.addresses.url, { kind: 'hang', when: 'before', route })
  const stop = new AbortController()
  const posting = postMessage(
    connection,
    { text: 't', threadTs: null, effectKey: 'e', subject: 's' },
    { signal: stop.signal },
  )
  const reason = new Error('lease lost')
  stop.abort(reason)
  await expect(posting).rejects.toBe(reason)
})

test('texts of customers cannot mention a channel', () => {
  expect(escapeText('<!channel> & <@U1>')).toBe('&lt;!channel&gt; &amp; &lt;@U1&gt;')
})

/** A Slack that gives one and the same answer to everything. */
async function startAnswering(answer: object, headers: Record<string, string> = {}) {
  const body = JSON.stringify({ ok: true, ...answer })
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'Content-Type': 'application/json', ...headers }).end(body),
  )
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    apiUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
