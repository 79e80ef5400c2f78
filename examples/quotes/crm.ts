import { z } from 'zod'
import { NetworkError, ValidationError } from '../../src/errors/failures.ts'
import { failureOfRead, failureOfStatus, failureOfThrown, notApplied } from './http-failure.ts'

export type CrmConnection = {
  /** Base address, such as `https://crm.example.com/api`; `/accounts` is added to it. */
  url: string
  token: string
  /** For one request, the reading of its answer included. */
  timeoutMs?: number
}

/** What a customer's account is to hold after the sync. */
export type AccountWrite = {
  name: string
  addressLines: readonly string[]
  quote: { number: string; currency: string; totalCents: number }
}

export type CrmAccount = { id: string; revision: number }

const who = 'the CRM'
const defaultTimeoutMs = 10_000
const account = z.object({ id: z.string(), revision: z.number() })
const found = z.object({ accounts: z.array(account) })
const problem = z.object({ code: z.string().optional(), message: z.string().optional() })

/**
 * Creates or updates a customer's account. The CRM applies one write per idempotency key and gives its first answer again.
 *
 * @throws NotApplied when the CRM certainly did nothing (never reached, or it refused); its cause is the AuthError,
 * RateLimitError, ValidationError or NetworkError. NetworkError or TimeoutError when it may have acted.
 */
export async function upsertAccount(
  connection: CrmConnection,
  write: AccountWrite,
  { idempotencyKey, signal }: { idempotencyKey: string; signal?: AbortSignal },
): Promise<CrmAccount> {
  const answer = await request(connection, '/accounts', signal, {
    method: 'PUT',
    headers: { 'Content-Type': 'application/json', 'Idempotency-Key': idempotencyKey },
    body: JSON.stringify(write),
  })
  if (answer.ok) return understood(account, answer.text)
  const { code, failure } = refusalOf(answer)
  // A key used with another body proves an earlier write: only looking it up can tell what happened.
  if (code === 'idempotency_key_reused') throw failure
  throw isRefusal(answer.status) ? notApplied(failure) : failure
}

/** What was written under an idempotency key, or null when the CRM knows of no such write. Never throws NotApplied. */
export async function findAccountByKey(
  connection: CrmConnection,
  idempotencyKey: string,
  { signal }: { signal?: AbortSignal } = {},
): Promise<CrmAccount | null> {
  const query = new URLSearchParams({ idempotencyKey })
  const answer = await request(connection, `/accounts?${query}`, signal, { method: 'GET' }).catch((thrown: unknown) => {
    throw failureOfRead(thrown)
  })
  if (!answer.ok) throw refusalOf(answer).failure
  return understood(found, answer.text).accounts[0] ?? null
}

type HttpAnswer = { ok: boolean; status: number; text: string; retryAfter: string | null }

async function request(
  { url, token, timeoutMs = defaultTimeoutMs }: CrmConnection,
  path: string,
  signal: AbortSignal | undefined,
  init: { method: string; headers?: Record<string, string>; body?: string },
): Promise<HttpAnswer> {
  const limit = AbortSignal.timeout(timeoutMs)
  try {
    signal?.throwIfAborted()
    const response = await fetch(`${url.replace(/\/+$/, '')}${path}`, {
      ...init,
      headers: { Accept: 'application/json', ...init.headers, Authorization: `Bearer ${token}` },
      // A redirect would hand the token and the write to an address that nobody configured.
      redirect: 'manual',
      signal: signal === undefined ? limit : AbortSignal.any([limit, signal]),
    })
    const text = await response.text()
    return { ok: response.ok, status: response.status, text, retryAfter: response.headers.get('retry-after') }
  } catch (thrown) {
    throw failureOfThrown(who, thrown, signal)
  }
}

function refusalOf({ status, text, retryAfter }: HttpAnswer) {
  const { code, message } = problem.safeParse(parse(text)).data ?? {}
  return { code, failure: failureOfStatus(who, status, message ?? code ?? '', retryAfter) }
}

/** 4xx says that the request was refused; 408, 409 and 425 leave open whether an earlier copy of it is being worked on. */
function isRefusal(status: number): boolean {
  return status >= 300 && status < 500 && ![408, 409, 425].includes(status)
}

function understood<T>(shape: z.ZodType<T>, text: string): T {
  const value = parse(text)
  if (value === undefined) throw new NetworkError(`${who} sent an answer that is not JSON`)
  const parsed = shape.safeParse(value)
  if (!parsed.success)
    throw new ValidationError(`${who} sent an answer of another shape: ${z.prettifyError(parsed.error)}`)
  return parsed.data
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
