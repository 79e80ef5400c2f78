import { z } from 'zod'
import { type Answer, answer, bearer, parseJson, type SandboxRequest } from './answer.ts'

const metadataShape = z.strictObject({
  event_type: z.string().min(1).max(255),
  event_payload: z.record(z.string(), z.unknown()),
})

type Message = {
  type: 'message'
  user: string
  bot_id: string
  text: string
  ts: string
  thread_ts?: string
  metadata?: z.infer<typeof metadataShape>
}

const bot = { user: 'U0SANDBOX', bot_id: 'B0SANDBOX' }
const scopes = 'chat:write,channels:history,metadata.message:read'
const textCharactersMax = 40_000

/** The part of Slack's Web API that quotes need, with Slack's own names, errors and habits: HTTP 200 and `ok: false`. */
export class SlackSandbox {
  readonly #token: string
  readonly #channels: Map<string, Message[]>
  readonly #now: () => number
  #lastMicros = 0

  constructor(token: string, channels: readonly string[], now: () => number) {
    this.#token = token
    this.#channels = new Map(channels.map((channel) => [channel, []]))
    this.#now = now
  }

  messages(): (Message & { channel: string })[] {
    return [...this.#channels].flatMap(([channel, messages]) => messages.map((message) => ({ channel, ...message })))
  }

  handle(request: SandboxRequest): Answer {
    const answered = this.#call(request)
    return { ...answered, headers: { ...answered.headers, 'X-OAuth-Scopes': scopes } }
  }

  #call(request: SandboxRequest): Answer {
    const parameters = parametersOf(request)
    const token = bearer(request.headers) ?? parameters.token
    if (token === undefined) return failed('not_authed')
    if (token !== this.#token) return failed('invalid_auth')
    switch (request.path.slice('/api/'.length)) {
      case 'auth.test':
        return answer(200, {
          ok: true,
          url: 'https://sandbox.invalid/',
          team: 'Sandbox',
          team_id: 'T0SANDBOX',
          user: 'pawl',
          user_id: bot.user,
          bot_id: bot.bot_id,
        })
      case 'chat.postMessage':
        return this.#post(parameters)
      case 'conversations.history':
        return this.#list(
          parameters,
          (message) => message.thread_ts === undefined || message.thread_ts === message.ts,
          true,
        )
      case 'conversations.replies':
        return this.#replies(parameters)
      default:
        return failed('unknown_method')
    }
  }

  #post(parameters: Parameters): Answer {
    const channel = parameters.channel ?? ''
    const messages = this.#channels.get(channel)
    if (messages === undefined) return failed('channel_not_found')
    const text = parameters.text ?? ''
    if (text === '' && parameters.blocks === undefined) return failed('no_text')
    if (text.length > textCharactersMax) return failed('msg_too_long')
    const metadata = metadataShape
      .optional()
      .safeParse(parameters.metadata === undefined ? undefined : (parseJson(parameters.metadata) ?? null))
    if (!metadata.success) return failed('invalid_metadata_format')
    const message: Message = {
      type: 'message',
      ...bot,
      text,
      ts: this.#timestamp(),
      ...(parameters.thread_ts === undefined ? {} : { thread_ts: parameters.thread_ts }),
      ...(metadata.data === undefined ? {} : { metadata: metadata.data }),
    }
    messages.push(message)
    return { ...answer(200, { ok: true, channel, ts: message.ts, message }), applied: true }
  }

  #replies(parameters: Parameters): Answer {
    const root = parameters.ts
    const isThere = (this.#channels.get(parameters.channel ?? '') ?? []).some((message) => message.ts === root)
    if (this.#channels.has(parameters.channel ?? '') && !isThere) return failed('thread_not_found')
    return this.#list(parameters, (message) => message.ts === root || message.thread_ts === root, false)
  }

  #list(parameters: Parameters, belongs: (message: Message) => boolean, newestFirst: boolean): Answer {
    const messages = this.#channels.get(parameters.channel ?? '')
    if (messages === undefined) return failed('channel_not_found')
    const limit = parameters.limit === undefined ? 100 : Number(parameters.limit)
    if (!Number.isInteger(limit) || limit < 1 || limit > 999) return failed('invalid_limit')
    const start =
      parameters.cursor === undefined || parameters.cursor === ''
        ? 0
        : Number(Buffer.from(parameters.cursor, 'base64').toString())
    if (!Number.isSafeInteger(start) || start < 0) return failed('invalid_cursor')
    const { oldest, latest } = parameters
    const found = messages.filter(
      (each) =>
        belongs(each) && (oldest === undefined || each.ts > oldest) && (latest === undefined || each.ts < latest),
    )
    if (newestFirst) found.reverse()
    const withMetadata = parameters.include_all_metadata === 'true' || parameters.include_all_metadata === '1'
    const page = found
      .slice(start, start + limit)
      .map(({ metadata, ...message }) => (withMetadata && metadata !== undefined ? { ...message, metadata } : message))
    const more = start + limit < found.length
    const cursor = more ? Buffer.from(String(start + limit)).toString('base64') : ''
    return answer(200, { ok: true, messages: page, has_more: more, response_metadata: { next_cursor: cursor } })
  }

  // Slack names a message by its time in microseconds, unique within a channel.
  #timestamp(): string {
    this.#lastMicros = Math.max(this.#now() * 1_000, this.#lastMicros + 1)
    return `${Math.floor(this.#lastMicros / 1_000_000)}.${String(this.#lastMicros % 1_000_000).padStart(6, '0')}`
  }
}

type Parameters = Readonly<Partial<Record<string, string>>>

// The official client sends forms; other clients send JSON, or put the arguments into the address.
function parametersOf(request: SandboxRequest): Parameters {
  const parameters = new Map(request.query)
  if (/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    const parsed = parseJson(request.body)
    if (typeof parsed === 'object' && parsed !== null) {
      for (const [name, value] of Object.entries(parsed))
        parameters.set(name, typeof value === 'string' ? value : JSON.stringify(value))
    }
  } else {
    for (const [name, value] of new URLSearchParams(request.body)) parameters.set(name, value)
  }
  return Object.fromEntries(parameters)
}

function failed(error: string): Answer {
  return answer(200, { ok: false, error })
}
