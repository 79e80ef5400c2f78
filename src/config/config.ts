import { type Refusal, refuse } from '../errors/refusal.ts'
import { checkRetryPolicy, defaultRetryPolicy, type RetryPolicy } from '../time/backoff.ts'
import { type AccessConfig, accessDefaults, accessVariables } from './access-variables.ts'
import { type Variable, type VariableKey, type VariableValues, variables } from './variables.ts'

export { configReference, envExample } from './reference.ts'

/** Everything the environment decides; durations in milliseconds. */
export interface Config {
  readonly profile: 'default' | 'rel'
  readonly store: string
  readonly url: string
  readonly token: string | undefined
  readonly host: string
  readonly port: number
  /** Who may come in, for how long and how often. */
  readonly access: AccessConfig
  readonly concurrency: number
  /** Running executions of one tenant; null sets no limit. */
  readonly tenantConcurrency: number | null
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly sweepMs: number
  readonly pollMs: number
  readonly stallLimitMs: number
  /** Waiting executions of one tenant; undefined is no limit. */
  readonly queueMax: number | undefined
  readonly poisonLosses: number
  readonly cancelGraceMs: number
  readonly retryPolicy: RetryPolicy
  /** Days after its end at which an execution is archived; undefined is never. */
  readonly archiveAfterDays: number | undefined
  /** Largest artifact, in bytes. */
  readonly artifactBytesMax: number
  /** Least level of what handlers say that is kept with their execution. */
  readonly keptLogLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
  /** Least level, and after commas per module: `info,store=debug`. */
  readonly logLevel: string
  /** Where lines of the log are sent beside standard error; undefined is nowhere. */
  readonly logUrl: string | undefined
  readonly logToken: string | undefined
  /** Where hints of due work are carried; undefined leaves workers to the store. */
  readonly redisUrl: string | undefined
  readonly slackBotToken: string | undefined
  readonly slackApiUrl: string
  readonly crmUrl: string | undefined
  readonly crmToken: string | undefined
}

/** What holds if nothing is set. */
export const defaults = {
  store: 'sqlite:./.pawl/pawl.db',
  host: '127.0.0.1',
  port: 7070,
  concurrency: 10,
  leaseMs: 30_000,
  heartbeatMs: 10_000,
  sweepMs: 5000,
  pollMs: 1000,
  stallLimitMs: 60_000,
  poisonLosses: 3,
  cancelGraceMs: 30_000,
  retryPolicy: defaultRetryPolicy,
  artifactBytesMax: 1024 ** 3,
  keptLogLevel: 'info',
  logLevel: 'info',
  slackApiUrl: 'https://slack.com/api',
} as const

/** The lease that REL's source states. */
const relLeaseMs = 300_000

/** A lease must outlive this many heartbeats, so that two lost ones cost nobody his work. */
const heartbeatsPerLease = 3

export type Environment = Readonly<Record<string, string | undefined>>

/** Reads the configuration, or says in one sentence per mistake what is wrong with it. */
export function loadConfig(env: Environment): Config | Refusal {
  const values = readVariables(env)
  if ('refused' in values) return values
  const profile = values.profile ?? 'default'
  const leaseMs = values.leaseMs ?? (profile === 'rel' ? relLeaseMs : defaults.leaseMs)
  const host = values.host ?? defaults.host
  const port = values.port ?? defaults.port
  const baseMs = values.backoffBaseMs ?? defaultRetryPolicy.baseMs
  const config: Config = {
    profile,
    store: values.store ?? defaults.store,
    url: values.url ?? `http://${reachable(host)}:${port === 0 ? defaults.port : port}`,
    token: values.token,
    host,
    port,
    access: accessOf(values),
    concurrency: values.concurrency ?? defaults.concurrency,
    tenantConcurrency: values.tenantConcurrency ?? null,
    leaseMs,
    heartbeatMs: values.heartbeatMs ?? Math.min(defaults.heartbeatMs, Math.floor(leaseMs / heartbeatsPerLease)),
    sweepMs: values.sweepMs ?? defaults.sweepMs,
    pollMs: values.pollMs ?? defaults.pollMs,
    queueMax: values.queueMax,
    stallLimitMs: values.stallLimitMs ?? defaults.stallLimitMs,
    poisonLosses: values.poisonLosses ?? defaults.poisonLosses,
    archiveAfterDays: values.archiveAfterDays,
    cancelGraceMs: values.cancelGraceMs ?? defaults.cancelGraceMs,
    retryPolicy: {
      ...defaultRetryPolicy,
      maxAttempts: values.maxAttempts ?? defaultRetryPolicy.maxAttempts,
      baseMs,
      multiplier: values.backoffMultiplier ?? defaultRetryPolicy.multiplier,
      capMs: Math.max(defaultRetryPolicy.capMs, baseMs),
    },
    artifactBytesMax: values.artifactBytesMax ?? defaults.artifactBytesMax,
    keptLogLevel: values.keptLogLevel ?? defaults.keptLogLevel,
    logLevel: values.logLevel ?? defaults.logLevel,
    logUrl: values.logUrl,
    logToken: values.logToken,
    redisUrl: values.redisUrl,
    slackBotToken: values.slackBotToken,
    slackApiUrl: values.slackApiUrl ?? defaults.slackApiUrl,
    crmUrl: values.crmUrl,
    crmToken: values.crmToken,
  }
  return checkConfig(config)
}

const accessOf = (values: VariableValues): AccessConfig => {
  const set = (Object.keys(accessVariables) as (keyof AccessConfig)[]).filter((key) => values[key] !== undefined)
  return { ...accessDefaults, ...Object.fromEntries(set.map((key) => [key, values[key]])) }
}

/** Gives the configuration back, or says which of its values contradict each other. */
export function checkConfig(config: Config): Config | Refusal {
  const { leaseMs, heartbeatMs } = config
  if (leaseMs < heartbeatsPerLease * heartbeatMs) {
    return refuse(
      'bad_configuration',
      `A lease of ${leaseMs / 1000} s is shorter than three heartbeats of ${heartbeatMs / 1000} s, so one delayed heartbeat could lose it.`,
      { leaseMs, heartbeatMs },
      `Set PAWL_LEASE_SECONDS to at least ${(heartbeatsPerLease * heartbeatMs) / 1000}, or PAWL_HEARTBEAT_SECONDS to at most ${leaseMs / heartbeatsPerLease / 1000}.`,
    )
  }
  if (config.logToken !== undefined && config.logUrl === undefined) {
    return refuse(
      'bad_configuration',
      'PAWL_LOG_TOKEN is set, but not PAWL_LOG_URL: the log would be sent nowhere.',
      undefined,
      'Set PAWL_LOG_URL to the address that takes lines of the log, or remove the token.',
    )
  }
  const policy = checkRetryPolicy(config.retryPolicy)
  return 'refused' in policy ? policy : config
}

/** The longest time until the execution of a lost worker is claimed again: lease, then sweep, then poll. */
export function reclaimBoundMs({ leaseMs, sweepMs, pollMs }: Pick<Config, 'leaseMs' | 'sweepMs' | 'pollMs'>): number {
  return leaseMs + sweepMs + pollMs
}

function readVariables(env: Environment): VariableValues | Refusal {
  const values: Record<string, unknown> = {}
  const mistakes: string[] = []
  for (const key of Object.keys(variables) as VariableKey[]) {
    const variable: Variable<unknown> = variables[key]
    // An empty variable counts as unset, as in shells and in files for containers; Pawl's own name beats an alias.
    const name = [variable.name, ...(variable.aliases ?? [])].find((each) => (env[each] ?? '').trim() !== '')
    if (name === undefined) continue
    const text = (env[name] ?? '').trim()
    const parsed = variable.schema.safeParse(text)
    if (parsed.success) values[key] = parsed.data
    else {
      const shown = variable.secret === true ? '' : `=${JSON.stringify(text.slice(0, 100))}`
      mistakes.push(`${name}${shown} ${parsed.error.issues[0]?.message ?? 'is not readable'}.`)
    }
  }
  // The table types every value by its own schema, which a loop over it cannot express.
  return mistakes.length > 0
    ? refuse('bad_configuration', mistakes.join(' '), { mistakes })
    : (values as VariableValues)
}

// A server that listens everywhere is reached at the loopback address.
function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1'
  return host.includes(':') ? `[${host}]` : host
}
