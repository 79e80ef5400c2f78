import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'
import { type Answer, answer, parseJson, type SandboxRequest } from './answer.ts'
import { CrmSandbox } from './crm.ts'
import { describeFault, type Fault, Faults, fault } from './faults.ts'
import { RequestRecord } from './record.ts'
import { SlackSandbox } from './slack.ts'

export type SandboxOptions = {
  /** 0 takes a free port. */
  port?: number
  host?: string
  recordFile?: string
  crmToken?: string
  slackBotToken?: string
  slackChannel?: string
}

/** The addresses and credentials under which the sandbox stands in for a CRM and for Slack. */
export type SandboxAddresses = {
  sandbox: true
  url: string
  crmUrl: string
  crmToken: string
  slackApiUrl: string
  slackBotToken: string
  slackChannel: string
}

export type Sandbox = { addresses: SandboxAddresses; close(): Promise<void> }

const bodyBytesMax = 1024 * 1024

/** The label that every answer carries, so that nobody takes the sandbox for the real thing. */
export const sandboxHeader = { 'X-Sandbox': 'pawl-quotes; no real CRM and no real Slack' } as const

/** Starts the sandbox. Whatever is sent to it, it answers or drops that one request and lives on. */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const crmToken = options.crmToken ?? 'sandbox-crm-token'
  const slackBotToken = options.slackBotToken ?? 'sandbox-slack-token'
  const slackChannel = options.slackChannel ?? 'C0SANDBOX'
  const record = new RequestRecord(options.recordFile)
  const faults = new Faults()
  const crm = new CrmSandbox(crmToken)
  const slack = new SlackSandbox(slackBotToken, [slackChannel], Date.now)
  const closing = new AbortController()

  function route(request: SandboxRequest): Answer {
    if (request.path.startsWith('/crm/')) return crm.handle(request)
    if (request.path.startsWith('/api/')) return slack.handle(request)
    return answer(404, {
      code: 'not_found',
      message: 'This sandbox serves /crm/accounts, /api/<Slack method> and /sandbox.',
    })
  }

  function control(request: SandboxRequest): Answer {
    if (request.path === '/sandbox/faults') {
      if (request.method === 'POST') return addFaults(faults, request.body)
      if (request.method === 'DELETE') faults.clear()
      return answer(200, { faults: faults.list() })
    }
    if (request.path === '/sandbox/state') {
      return answer(200, { accounts: crm.accounts(), messages: slack.messages(), requests: record.count })
    }
    return answer(404, { code: 'not_found', message: 'There is /sandbox/faults and /sandbox/state.' })
  }

  async function serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const receivedAt = Date.now()
    const { request, complete, tooLarge } = await read(incoming)
    if (request.path.startsWith('/sandbox/')) return send(response, control(request))
    const { method, body } = request
    const headers = { ...request.headers }
    const sequence = record.arrived({ receivedAt, method, path: incoming.url ?? '', headers, body, complete })
    const hit = complete && !tooLarge ? faults.take(method, request.path) : undefined
    const decided = (applied: boolean, status: number | null) =>
      record.decided({
        sequence,
        decidedAt: Date.now(),
        applied,
        status,
        fault: hit === undefined ? null : describeFault(hit),
      })

    if (!complete) return decided(false, null)
    if (tooLarge) {
      decided(false, 413)
      return send(response, answer(413, { code: 'too_large', message: `A body has at most ${bodyBytesMax} bytes.` }))
    }
    if (hit?.when === 'before') {
      const instead = await misbehave(hit, closing.signal)
      if (instead !== 'go on') {
        decided(false, instead === 'hang' || instead === 'drop' ? null : instead.status)
        return finish(response, instead)
      }
    }
    const answered = route(request)
    if (hit?.when !== 'after') {
      decided(answered.applied, answered.status)
      return send(response, answered)
    }
    // The outcome is on record before the misbehaviour, for a test may look while the sender still waits.
    decided(answered.applied, hit.kind === 'delay' ? answered.status : hit.kind === 'status' ? hit.status : null)
    const instead = await misbehave(hit, closing.signal)
    return finish(response, instead === 'go on' ? answered : instead)
  }

  const server = createServer((incoming, response) => {
    incoming.on('error', () => {})
    response.on('error', () => {})
    serve(incoming, response).catch((error: unknown) => {
      if (closing.signal.aborted || response.headersSent) response.destroy()
      else
        send(
          response,
          answer(500, { code: 'sandbox_broke', message: error instanceof Error ? error.message : String(error) }),
        )
    })
  })
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nX-Sandbox: pawl-quotes\r\nConnection: close\r\n\r\n')
    else socket.destroy()
  })
  const host = options.host ?? '127.0.0.1'
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, host, resolve)
  })
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${(server.address() as AddressInfo).port}`
  return {
    addresses: {
      sandbox: true,
      url,
      crmUrl: `${url}/crm`,
      crmToken,
      slackApiUrl: `${url}/api/`,
      slackBotToken,
      slackChannel,
    },
    async close() {
      closing.abort()
      const closed = new Promise((resolve) => server.close(resolve))
      server.closeAllConnections()
      await closed
      record.close()
    },
  }
}

type Instead = Answer | 'hang' | 'drop'

async function misbehave(hit: Fault, signal: AbortSignal): Promise<Instead | 'go on'> {
  switch (hit.kind) {
    case 'delay':
      await delay(hit.delayMs, undefined, { signal })
      return 'go on'
    case 'drop':
      return 'drop'
    case 'hang':
      return 'hang'
    case 'status':
      return answer(
        hit.status,
        { ok: false, error: hit.status === 429 ? 'ratelimited' : 'sandbox_fault', code: 'sandbox_fault' },
        hit.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(hit.retryAfterSeconds) },
      )
    case 'slack_error':
      return answer(200, { ok: false, error: hit.error })
  }
}

function finish(response: ServerResponse, instead: Instead): void {
  if (instead === 'drop') response.destroy()
  else if (instead !== 'hang') send(response, instead)
}

function addFaults(faults: Faults, body: string): Answer {
  const parsed = z.union([fault, z.array(fault).max(100)]).safeParse(parseJson(body))
  if (!parsed.success) return answer(422, { code: 'invalid_fault', message: z.prettifyError(parsed.error) })
  const all = [parsed.data].flat()
  const added = all.filter((each) => faults.add(each)).length
  return added === all.length
    ? answer(201, { faults: faults.list() })
    : answer(429, { code: 'too_many_faults', message: 'Clear them first.' })
}

async function read(
  incoming: IncomingMessage,
): Promise<{ request: SandboxRequest; complete: boolean; tooLarge: boolean }> {
  const chunks: Buffer[] = []
  let bytes = 0
  let complete = true
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      bytes += chunk.length
      if (bytes <= bodyBytesMax) chunks.push(chunk)
    }
  } catch {
    complete = false
  }
  const target = URL.parse(incoming.url ?? '/', 'http://sandbox.invalid')
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(incoming.headers))
    headers[name] = Array.isArray(value) ? value.join(', ') : (value ?? '')
  const request: SandboxRequest = {
    method: incoming.method ?? '',
    path: target?.pathname ?? '',
    query: target?.searchParams ?? new URLSearchParams(),
    headers,
    body: Buffer.concat(chunks).toString('utf8'),
  }
  return { request, complete, tooLarge: bytes > bodyBytesMax }
}

function send(response: ServerResponse, { status, body, headers }: Answer): void {
  response.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', ...sandboxHeader, ...headers })
  response.end(JSON.stringify(body))
}
