import { type Logger, LogLevel, WebClient } from '@slack/web-api'
import { AuthError, UnknownOutcome } from '../../src/errors/failures.ts'
import { failureOfRead } from './http-failure.ts'
import { slackFailure } from './slack-failure.ts'

export type SlackConnection = {
  /** Such as `https://slack.com/api/`. */
  apiUrl: string
  token: string
  /** The id of a channel, such as `C024BE91L`. */
  channel: string
  timeoutMs?: number
}

export type SlackMessage = { channel: string; ts: string; threadTs: string | null }

type Call = { signal?: AbortSignal }

const eventType = 'pawl_effect'
const defaultTimeoutMs = 10_000
const metadataScope = 'metadata.message:read'
const pageMessages = 200
const pagesMax = 25

/**
 * Posts a message that carries the key of its effect in its metadata. Slack honours no idempotency key, so that a second
 * call posts a second message.
 *
 * @throws NotApplied when Slack certainly posted nothing; NetworkError or TimeoutError when it may have.
 */
export async function postMessage(
  connection: SlackConnection,
  message: { text: string; threadTs: string | null; effectKey: string; subject: string },
  call: Call = {},
): Promise<SlackMessage> {
  const { channel } = connection
  const posted = await calling(call, () =>
    client(connection, call).chat.postMessage({
      channel,
      text: message.text,
      ...(message.threadTs === null ? {} : { thread_ts: message.threadTs }),
      unfurl_links: false,
      metadata: { event_type: eventType, event_payload: { effect_key: message.effectKey, subject: message.subject } },
    }),
  )
  // Without a ts the answer is not Slack's; whether anything was posted is for the reconciliation to find out.
  if (posted.ts === undefined) throw new UnknownOutcome('Slack accepted the message but did not say its ts')
  return { channel, ts: posted.ts, threadTs: message.threadTs }
}

/** The message that an effect posted, or null when the channel (or thread) holds none with its key. Never throws NotApplied. */
export async function findByEffectKey(
  connection: SlackConnection,
  { effectKey, threadTs }: { effectKey: string; threadTs: string | null },
  call: Call = {},
): Promise<SlackMessage | null> {
  const ts = await search(connection, threadTs, call, (payload) => payload.effect_key === effectKey)
  return ts === null ? null : { channel: connection.channel, ts, threadTs }
}

/** The message that opened the thread of a subject, or null when there is none yet. */
export async function findThread(
  connection: SlackConnection,
  subject: string,
  call: Call = {},
): Promise<string | null> {
  return search(connection, null, call, (payload) => payload.subject === subject)
}

/** Texts of customers must not become mentions, links or channel-wide alarms (Slack's rule of three escapes). */
export function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

async function search(
  connection: SlackConnection,
  threadTs: string | null,
  call: Call,
  matches: (payload: Record<string, unknown>) => boolean,
): Promise<string | null> {
  const { conversations } = client(connection, call)
  let cursor = ''
  let isMetadataShown = false
  for (let page = 0; page < pagesMax; page += 1) {
    const options = {
      channel: connection.channel,
      limit: pageMessages,
      include_all_metadata: true,
      ...(cursor === '' ? {} : { cursor }),
    }
    const answer = await calling(call, () =>
      threadTs === null ? conversations.history(options) : conversations.replies({ ...options, ts: threadTs }),
    ).catch((thrown: unknown) => {
      throw failureOfRead(thrown)
    })
    for (const { ts, metadata } of answer.messages ?? []) {
      isMetadataShown ||= metadata !== undefined
      const isOurs = metadata?.event_type === eventType
      if (ts !== undefined && isOurs && matches((metadata.event_payload ?? {}) as Record<string, unknown>)) return ts
    }
    cursor = answer.response_metadata?.next_cursor ?? ''
    if (cursor !== '') continue
    // Without this scope metadata is left out in silence, and every message would seem not to be there.
    const scopes = answer.response_metadata?.scopes
    if (isMetadataShown || scopes === undefined || scopes.includes(metadataScope)) return null
    throw new AuthError(`the Slack token lacks the scope ${metadataScope}`)
  }
  // "Not among the latest" is not "not there": a guess here could post twice.
  throw new UnknownOutcome(`not found among the latest ${pagesMax * pageMessages} messages, and there are older ones`)
}

async function calling<T>(call: Call, request: () => Promise<T>): Promise<T> {
  try {
    call.signal?.throwIfAborted()
    return await request()
  } catch (thrown) {
    throw slackFailure(thrown, call.signal)
  }
}

// The client's own retries are off, for it retries a post whose answer was lost: only the engine, which looks first, may.
function client({ apiUrl, token, timeoutMs = defaultTimeoutMs }: SlackConnection, { signal }: Call): WebClient {
  return new WebClient(token, {
    slackApiUrl: apiUrl,
    allowAbsoluteUrls: false,
    retryConfig: { retries: 0 },
    rejectRateLimitedCalls: true,
    timeout: timeoutMs,
    logger: silent,
    fetch: (url, init) => {
      const signals = [init?.signal, signal].filter((each) => each !== null && each !== undefined)
      return fetch(url, { ...init, signal: AbortSignal.any(signals) })
    },
  })
}

// Whoever handles a failure logs it, once; the client would log it here as well, with the request in it.
const silent: Logger = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  setLevel() {},
  setName() {},
  getLevel: () => LogLevel.ERROR,
}
