import { z } from 'zod'
import { accessVariables } from './access-variables.ts'
import { seconds, whole } from './shapes.ts'
import { isStoreAddress } from './store-address.ts'

/** One environment variable: how it is read, what it means, and the other names it is accepted under. */
export interface Variable<T> {
  readonly name: string
  readonly schema: z.ZodType<T>
  readonly doc: string
  /** Shown in the reference; what holds if nothing is set. */
  readonly shown: string
  readonly aliases?: readonly string[]
  /** Never repeated in messages. */
  readonly secret?: true
}

const levels = 'trace|debug|info|warn|error|fatal|silent'
const logLevels = new RegExp(`^(?:${levels})(?:,[a-z-]+=(?:${levels}))*$`)

const webAddress = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:/.test(text),
    'must be an address beginning with http:// or https://',
  )
  .transform((text) => text.replace(/\/+$/, ''))

/** Lines of the log say who does what: they leave the machine over TLS only. */
function isLogAddress(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, hostname, username, password } = new URL(text)
  if (username !== '' || password !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && /^(localhost|127\.[\d.]+|\[::1\])$/.test(hostname))
}

const token = z.string().regex(/^\S+$/, 'must not contain spaces')

/** Every variable this version reads; the reference page and `.env.example` come from here. */
export const variables = {
  profile: {
    name: 'PAWL_PROFILE',
    schema: z.enum(['default', 'rel'], 'must be `default` or `rel`'),
    doc: 'Set of defaults: `rel` has a lease of 300 s.',
    shown: 'default',
  } satisfies Variable<'default' | 'rel'>,
  store: {
    name: 'PAWL_STORE',
    schema: z
      .string()
      .refine(
        isStoreAddress,
        'must be `sqlite:` and a path, or `postgres://user:password@host:port/database`, of several hosts with commas between them',
      ),
    doc: 'Where executions are stored: `sqlite:` and the path of a file, or the address of a PostgreSQL server.',
    shown: 'sqlite:./.pawl/pawl.db',
    // An address may hold a password.
    secret: true,
  } satisfies Variable<string>,
  queueMax: {
    name: 'PAWL_QUEUE_MAX',
    schema: whole(1, 1_000_000_000),
    doc: 'The most executions of one tenant that may wait to be claimed; more are refused with 429 and Retry-After. No limit by default.',
    shown: '',
  } satisfies Variable<number>,
  url: {
    name: 'PAWL_URL',
    schema: webAddress,
    doc: 'Address of the server that commands and remote workers talk to.',
    shown: 'http://127.0.0.1:7070',
  } satisfies Variable<string>,
  token: {
    name: 'PAWL_TOKEN',
    schema: token,
    doc: 'Token that commands and remote workers sign in with.',
    shown: '',
    secret: true,
  } satisfies Variable<string>,
  host: {
    name: 'PAWL_HOST',
    schema: z.string().regex(/^[^\s/]+$/, 'must be a host name or an IP address'),
    doc: 'Address the server listens on.',
    shown: '127.0.0.1',
  } satisfies Variable<string>,
  port: {
    name: 'PAWL_PORT',
    schema: whole(0, 65_535),
    doc: 'Port the server listens on; 0 takes a free one.',
    shown: '7070',
  } satisfies Variable<number>,
  ...accessVariables,
  concurrency: {
    name: 'PAWL_CONCURRENCY',
    schema: whole(1, 10_000),
    doc: 'Executions that one worker runs at the same time.',
    shown: '10',
    aliases: ['DOCUGEN_QUEUE_CONCURRENCY'],
  } satisfies Variable<number>,
  tenantConcurrency: {
    name: 'PAWL_TENANT_CONCURRENCY',
    schema: whole(1, 100_000),
    doc: 'Executions of one tenant that may run at the same time, over all workers; no limit when unset. `pawl limit set tenant N` overrides it for one tenant.',
    shown: '',
  } satisfies Variable<number>,
  leaseMs: {
    name: 'PAWL_LEASE_SECONDS',
    schema: seconds,
    doc: 'How long a worker may go without a heartbeat before its execution is given to another one.',
    shown: '30 (300 in profile `rel`)',
    aliases: ['QUOTEY_EXEC_CLAIM_TIMEOUT_SEC', 'claim_timeout_seconds'],
  } satisfies Variable<number>,
  heartbeatMs: {
    name: 'PAWL_HEARTBEAT_SECONDS',
    schema: seconds,
    doc: 'Time between two heartbeats; at most a third of the lease, so that two may be lost.',
    shown: '10, or a third of a shorter lease',
  } satisfies Variable<number>,
  sweepMs: {
    name: 'PAWL_SWEEP_SECONDS',
    schema: seconds,
    doc: 'Time between two searches for expired leases.',
    shown: '5',
  } satisfies Variable<number>,
  pollMs: {
    name: 'PAWL_POLL_SECONDS',
    schema: seconds,
    doc: 'Time between two looks for work, where no hint wakes the worker.',
    shown: '1',
  } satisfies Variable<number>,
  stallLimitMs: {
    name: 'PAWL_STALL_LIMIT_SECONDS',
    schema: seconds,
    doc: 'How long the event loop of the handlers may stand still before its leases are no longer renewed.',
    shown: '60',
  } satisfies Variable<number>,
  cancelGraceMs: {
    name: 'PAWL_CANCEL_GRACE_SECONDS',
    schema: seconds,
    doc: 'How long a handler may take to end after it was told to; then it is killed if it is isolated, else its worker drains.',
    shown: '30',
  } satisfies Variable<number>,
  maxAttempts: {
    name: 'PAWL_MAX_ATTEMPTS',
    schema: whole(1, 1_000_000),
    doc: 'Attempts in all, the first one included.',
    shown: '3',
    aliases: ['QUOTEY_EXEC_MAX_RETRIES', 'DOCUGEN_QUEUE_MAX_ATTEMPTS', 'default_max_retries'],
  } satisfies Variable<number>,
  poisonLosses: {
    name: 'PAWL_POISON_LOSSES',
    schema: whole(1, 1_000_000),
    doc: 'Crashes of an execution that ran alone after which it is quarantined as poison.',
    shown: '3',
  } satisfies Variable<number>,
  backoffBaseMs: {
    name: 'PAWL_BACKOFF_BASE_SECONDS',
    schema: seconds,
    doc: 'Rest before the second attempt.',
    shown: '5',
    aliases: ['QUOTEY_EXEC_BACKOFF_BASE_SEC', 'retry_base_delay_seconds'],
  } satisfies Variable<number>,
  backoffMultiplier: {
    name: 'PAWL_BACKOFF_MULTIPLIER',
    schema: z
      .string()
      .regex(/^\d+(?:\.\d+)?$/, 'must be a number')
      .transform(Number)
      .refine((factor) => factor >= 1 && factor <= 100, 'must lie between 1 and 100'),
    doc: 'Factor by which the rest grows with every further attempt, up to 15 minutes.',
    shown: '2',
    aliases: ['retry_backoff_multiplier'],
  } satisfies Variable<number>,
  archiveAfterDays: {
    name: 'PAWL_ARCHIVE_AFTER_DAYS',
    schema: whole(1, 3_650),
    doc: 'Days after its end at which an execution is moved into the archive, looked for once a day.',
    shown: '',
  } satisfies Variable<number>,
  artifactBytesMax: {
    name: 'PAWL_ARTIFACT_BYTES_MAX',
    schema: whole(1, Number.MAX_SAFE_INTEGER),
    doc: 'Largest artifact that a handler may store, in bytes.',
    shown: '1073741824',
  } satisfies Variable<number>,
  keptLogLevel: {
    name: 'PAWL_KEPT_LOG_LEVEL',
    schema: z.enum(
      ['debug', 'info', 'warn', 'error', 'silent'],
      'must be `debug`, `info`, `warn`, `error` or `silent`',
    ),
    doc: 'Least level of what handlers say with `ctx.log` that is kept with their execution.',
    shown: 'info',
  } satisfies Variable<'debug' | 'info' | 'warn' | 'error' | 'silent'>,
  logLevel: {
    name: 'PAWL_LOG_LEVEL',
    schema: z.string().regex(logLevels, 'must be a level such as `info`, also per module: `info,store=debug`'),
    doc: `Least level that is logged (${levels.replaceAll('|', ', ')}); also per module: \`info,store=debug\`.`,
    shown: 'info',
  } satisfies Variable<string>,
  logUrl: {
    name: 'PAWL_LOG_URL',
    schema: z
      .string()
      .refine(
        isLogAddress,
        'must begin with https://, or with http:// and localhost or 127.0.0.1, and name no user (the token stands in PAWL_LOG_TOKEN)',
      ),
    doc: 'Where each line of the log of a server or worker is sent, too: `POST` of lines of JSON. Over `http://` on this machine only.',
    shown: '',
    // An address may hold a key.
    secret: true,
  } satisfies Variable<string>,
  logToken: {
    name: 'PAWL_LOG_TOKEN',
    schema: z.string().regex(/^[\x21-\x7e]+$/, 'must be ASCII without spaces'),
    doc: 'Token that is shown there, as `Authorization: Bearer`.',
    shown: '',
    secret: true,
  } satisfies Variable<string>,
  redisUrl: {
    name: 'PAWL_REDIS_URL',
    schema: z
      .string()
      .refine(
        (text) => URL.canParse(text) && /^rediss?:\/\/./.test(text),
        'must be `redis://user:password@host:port/database`, or `rediss://` over TLS',
      ),
    doc: 'Address of a Redis that carries hints of due work through BullMQ; `?prefix=name` behind it where several stores share one. Without it workers hear of work from the store.',
    shown: '',
    // An address may hold a password.
    secret: true,
  } satisfies Variable<string>,
  slackBotToken: {
    name: 'PAWL_SLACK_BOT_TOKEN',
    schema: token,
    doc: 'Token of the Slack bot that shows executions.',
    shown: '',
    secret: true,
  } satisfies Variable<string>,
  slackApiUrl: {
    name: 'PAWL_SLACK_API_URL',
    schema: webAddress,
    doc: 'Address of the Slack Web API.',
    shown: 'https://slack.com/api',
  } satisfies Variable<string>,
  crmUrl: {
    name: 'PAWL_CRM_URL',
    schema: webAddress,
    doc: 'Address of the CRM that the quote example writes to.',
    shown: '',
  } satisfies Variable<string>,
  crmToken: {
    name: 'PAWL_CRM_TOKEN',
    schema: token,
    doc: 'Token for the CRM of the quote example.',
    shown: '',
    secret: true,
  } satisfies Variable<string>,
}

export type VariableKey = keyof typeof variables

/** What the variables say, each one only if it is set. */
export type VariableValues = { readonly [Key in VariableKey]?: z.infer<(typeof variables)[Key]['schema']> }
