import { createHash } from 'node:crypto'
import { z } from 'zod'
import { type Answer, answer, bearer, parseJson, type SandboxRequest } from './answer.ts'

const accountBody = z.strictObject({
  name: z.string().min(1).max(200),
  addressLines: z.array(z.string().max(200)).max(6),
  quote: z.strictObject({
    number: z.string().min(1).max(40),
    currency: z.string().length(3),
    totalCents: z.int().min(0),
  }),
})

type Account = z.infer<typeof accountBody> & { id: string; revision: number }
type Kept = { bodyHash: string; status: number; account: Account }

/**
 * A CRM as far as quotes need one. `POST` and `PUT /crm/accounts` write the account of a customer (found by name) with its
 * latest quote; every write that is applied raises `revision`, so that a repeated write is seen.
 *
 * `Idempotency-Key`: the same key with the same body gets the first answer again and writes nothing; with another body it
 * is refused (draft-ietf-httpapi-idempotency-key-header).
 */
export class CrmSandbox {
  readonly #token: string
  readonly #accounts = new Map<string, Account>()
  readonly #byKey = new Map<string, Kept>()

  constructor(token: string) {
    this.#token = token
  }

  accounts(): Account[] {
    return [...this.#accounts.values()]
  }

  handle(request: SandboxRequest): Answer {
    if (bearer(request.headers) !== this.#token) {
      return answer(
        401,
        { code: 'unauthorized', message: 'A bearer token is needed.' },
        { 'WWW-Authenticate': 'Bearer' },
      )
    }
    if (request.path === '/crm/accounts') {
      if (request.method === 'POST' || request.method === 'PUT') return this.#write(request)
      if (request.method === 'GET') return this.#find(request)
      return answer(405, { code: 'method_not_allowed', message: 'Use GET, POST or PUT.' }, { Allow: 'GET, POST, PUT' })
    }
    const id = /^\/crm\/accounts\/([\w-]+)$/.exec(request.path)?.[1]
    const account = id === undefined ? undefined : this.accounts().find((each) => each.id === id)
    if (account === undefined) return answer(404, { code: 'not_found', message: `Nothing at ${request.path}.` })
    if (request.method !== 'GET')
      return answer(405, { code: 'method_not_allowed', message: 'Use GET.' }, { Allow: 'GET' })
    return answer(200, account)
  }

  #write(request: SandboxRequest): Answer {
    const key = request.headers['idempotency-key']
    if (key !== undefined && (key === '' || key.length > 255)) {
      return answer(400, { code: 'invalid_idempotency_key', message: 'A key has 1 to 255 characters.' })
    }
    const bodyHash = createHash('sha256').update(request.body).digest('hex')
    const kept = key === undefined ? undefined : this.#byKey.get(key)
    if (kept !== undefined && kept.bodyHash !== bodyHash) {
      return answer(422, { code: 'idempotency_key_reused', message: 'This key was used with another body.' })
    }
    if (kept !== undefined) return answer(kept.status, kept.account, { 'Idempotent-Replayed': 'true' })
    const parsed = accountBody.safeParse(parseJson(request.body))
    if (!parsed.success) return answer(422, { code: 'invalid_account', message: z.prettifyError(parsed.error) })
    const before = this.#accounts.get(parsed.data.name)
    const account: Account = {
      ...parsed.data,
      id: before?.id ?? `acc_${createHash('sha256').update(parsed.data.name).digest('hex').slice(0, 12)}`,
      revision: (before?.revision ?? 0) + 1,
    }
    this.#accounts.set(account.name, account)
    const status = before === undefined ? 201 : 200
    if (key !== undefined) this.#byKey.set(key, { bodyHash, status, account })
    return { ...answer(status, account), applied: true }
  }

  #find(request: SandboxRequest): Answer {
    const key = request.query.get('idempotencyKey')
    if (key === null) return answer(200, { accounts: this.accounts() })
    const kept = this.#byKey.get(key)
    return answer(200, { accounts: kept === undefined ? [] : [kept.account] })
  }
}
