import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { upsertAccount } from '../crm.ts'
import { askForFaults, type SandboxProcess, sandboxState, spawnSandbox } from './process.ts'
import { readRequestRecord } from './record.ts'

const folder = mkdtempSync(join(tmpdir(), 'sandbox-'))
const recordFile = join(folder, 'record.jsonl')
let sandbox: SandboxProcess
let url: string

beforeAll(async () => {
  sandbox = await spawnSandbox({ recordFile })
  url = sandbox.addresses.url
})
afterAll(async () => {
  await sandbox.stop()
  rmSync(folder, { recursive: true })
})

async function sendRaw(text: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  socket.end(text)
  await new Promise((resolve) => socket.once('close', resolve))
  return answer
}

const write = (idempotencyKey: string) =>
  upsertAccount(
    { url: sandbox.addresses.crmUrl, token: sandbox.addresses.crmToken },
    { name: 'Acme', addressLines: [], quote: { number: 'Q-1', currency: 'EUR', totalCents: 1 } },
    { idempotencyKey },
  )

test('EX-quotes every answer says that it comes from a sandbox', async () => {
  expect(sandbox.addresses).toMatchObject({ sandbox: true })
  for (const path of ['/', '/crm/accounts', '/api/auth.test', '/api/no.such', '/sandbox/state', '/sandbox/nothing']) {
    expect((await fetch(`${url}${path}`)).headers.get('x-sandbox')).toContain('no real CRM')
  }
})

test('CP-008d the record keeps every raw request with what became of it, masked', async () => {
  await askForFaults(url, { kind: 'drop', when: 'after', route: 'PUT /crm/accounts' })
  await expect(write('key-1')).rejects.toThrow('broke')
  await write('key-1')
  await askForFaults(url, { kind: 'drop', when: 'before', route: '*' })
  await expect(write('key-2')).rejects.toThrow('broke')
  const entries = readRequestRecord(recordFile).filter((entry) => entry.method === 'PUT')
  expect(
    entries.map((entry) => [
      entry.headers['idempotency-key'],
      entry.outcome?.applied,
      entry.outcome?.status,
      entry.outcome?.fault,
    ]),
  ).toEqual([
    ['key-1', true, null, 'drop after'],
    ['key-1', false, 201, null],
    ['key-2', false, null, 'drop before'],
  ])
  expect(JSON.parse(entries[0]?.body ?? '')).toMatchObject({ name: 'Acme' })
  expect(entries[0]?.headers.authorization).toBe('Bearer ***')
  expect(JSON.stringify(entries)).not.toContain(sandbox.addresses.crmToken)
})

test('EX-quotes no misuse ends the sandbox', async () => {
  const authorization = { Authorization: `Bearer ${sandbox.addresses.crmToken}` }
  const put = (body: string) => fetch(`${url}/crm/accounts`, { method: 'PUT', headers: authorization, body })
  for (const body of ['', '{', '[]', 'null', '{"__proto__":{"x":1}}', '"\ud800"'])
    expect((await put(body)).status).toBe(422)
  expect((await put('x'.repeat(2 * 1024 * 1024))).status).toBe(413)
  expect((await fetch(`${url}/crm/accounts`, { method: 'DELETE', headers: authorization })).status).toBe(405)
  for (const body of [
    'nonsense',
    '{"kind":"explode"}',
    '{"kind":"delay","when":"before","route":"*","delayMs":1e99}',
  ]) {
    expect((await fetch(`${url}/sandbox/faults`, { method: 'POST', body })).status).toBe(422)
  }
  expect(await sendRaw('NONSENSE\r\n\r\n')).toContain('400 Bad Request')
  await sendRaw('PUT /crm/accounts HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbroken off')
  await sendRaw('GET http://[ HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  const slack = await fetch(`${url}/api/chat.postMessage`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${sandbox.addresses.slackBotToken}` },
    body: 'metadata=%%%&channel=C0SANDBOX&text=x',
  })
  expect(await slack.json()).toMatchObject({ ok: false, error: 'invalid_metadata_format' })
  expect((await sandboxState(url)).accounts.length).toBeLessThan(2)
})

test('EX-quotes a sandbox that cannot start says why in a sentence', async () => {
  const port = Number(new URL(url).port)
  await expect(spawnSandbox({ port })).rejects.toThrow(/could not start: .*EADDRINUSE/)
  await expect(spawnSandbox({ recordFile: join(folder, 'missing', 'record.jsonl') })).rejects.toThrow(
    /could not start: ENOENT/,
  )
})

test('EX-quotes the sandbox does not outlive a process that was killed', async () => {
  const script = `import(${JSON.stringify(new URL('process.ts', import.meta.url).href)})
    .then(({ spawnSandbox }) => spawnSandbox())
    .then(({ addresses }) => console.log(addresses.url))`
  const owner = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [address] = (await once(owner.stdout, 'data')) as [Buffer]
  const { hostname, port } = new URL(String(address).trim())
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  owner.kill('SIGKILL')
  await once(socket, 'close')
  await expect(fetch(String(address).trim())).rejects.toThrow('fetch failed')
})
