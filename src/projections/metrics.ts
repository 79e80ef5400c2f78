import { clockOffMax, type FeedStanding } from '../store/feed-standing.ts'
import type { Views } from '../store/store.ts'
import { doubtfulOf } from './ops.ts'

interface Metric {
  /** What it says, in the words that the page of metrics and the answer itself give. */
  readonly help: string
  readonly labels: readonly string[]
  /** Whose numbers: one tenant's, that of whoever asks, or the same for everybody. */
  readonly of: 'tenant' | 'all'
  /** Counts up from 0 since its process began; a gauge otherwise. */
  readonly type?: 'gauge' | 'counter'
}

/** What stands in the store at the moment of the question, so that every process says the same; and of the log that each has. */
export const metrics = {
  pawl_build_info: { help: 'Always 1; the labels say what runs.', labels: ['version', 'role'], of: 'all' },
  pawl_ordered_feed_lag_seconds: {
    help: 'For how long the oldest commit under way has been so. What comes behind it in the ordered feed waits for it; 0 while nobody writes, and always on SQLite.',
    labels: [],
    of: 'all',
  },
  pawl_ordered_feed_position: { help: 'The newest position of the ordered feed.', labels: [], of: 'all' },
  pawl_log_lines_waiting: {
    help: 'Lines of the log of this process that PAWL_LOG_URL has not taken yet.',
    labels: [],
    of: 'all',
  },
  pawl_log_lines_dropped_total: {
    help: 'Lines of the log of this process that PAWL_LOG_URL will never get; they stand on standard error.',
    labels: [],
    of: 'all',
    type: 'counter',
  },
  pawl_store_clock_offset_seconds: {
    help: 'By how much the clock of the PostgreSQL server is ahead of that of this process.',
    labels: [],
    of: 'all',
  },
  pawl_queue_depth: { help: 'Executions by action and state.', labels: ['action', 'state'], of: 'tenant' },
  pawl_queue_oldest_age_seconds: {
    help: 'For how long the oldest work that is due has been so; 0 where none is.',
    labels: [],
    of: 'tenant',
  },
  pawl_effects_in_doubt: {
    help: 'Effects that may have happened, and of which nobody knows.',
    labels: [],
    of: 'tenant',
  },
} as const satisfies Readonly<Record<string, Metric>>

type Name = keyof typeof metrics

interface Sample {
  readonly name: Name
  readonly labels?: readonly (string | number)[]
  readonly value: number
}

export interface MetricsAsk {
  readonly views: Views
  readonly standing: FeedStanding
  /** Of this process's log: lines that another system has not taken yet, and lines that it never will. */
  readonly log: { readonly waiting: number; readonly dropped: number }
  readonly version: string
  readonly role: string
  /** Null for what concerns no tenant alone. */
  readonly tenant: string | null
  readonly now: number
}

/** The answer in the text format of Prometheus, version 0.0.4. */
export async function metricsText({ views, standing, log, ...told }: MetricsAsk): Promise<string> {
  const { version, role, tenant, now } = told
  const samples: Sample[] = [
    { name: 'pawl_build_info', labels: [version, role], value: 1 },
    { name: 'pawl_ordered_feed_lag_seconds', value: standing.lagMs / 1000 },
    { name: 'pawl_ordered_feed_position', value: await views.headPosition() },
    { name: 'pawl_log_lines_waiting', value: log.waiting },
    { name: 'pawl_log_lines_dropped_total', value: log.dropped },
    { name: 'pawl_store_clock_offset_seconds', value: standing.clockOffMs / 1000 },
  ]
  if (tenant !== null) samples.push(...(await samplesOf(views.of(tenant), tenant, now)))
  const named = Map.groupBy(samples, ({ name }) => name)
  return [...named].map(([name, all]) => blockOf(name, all)).join('')
}

async function samplesOf(views: Views, tenant: string, now: number): Promise<readonly Sample[]> {
  const [depths, oldestAt, effects, running] = await Promise.all([
    views.countsByState(tenant),
    views.oldestReadyAt(tenant),
    views.effects({ tenant, open: true, limit: effectsMax }),
    views.running(tenant),
  ])
  return [
    ...depths.map(({ action, state, count }) => ({
      name: 'pawl_queue_depth' as const,
      labels: [action, state],
      value: count,
    })),
    { name: 'pawl_queue_oldest_age_seconds', value: oldestAt === null ? 0 : Math.max(0, now - oldestAt) / 1000 },
    { name: 'pawl_effects_in_doubt', value: doubtfulOf(effects, running).length },
  ]
}

const effectsMax = 1_000

function blockOf(name: Name, samples: readonly Sample[]): string {
  const { help, labels, type = 'gauge' }: Metric = metrics[name]
  const lines = samples.map(({ labels: values = [], value }) => `${name}${labelsOf(labels, values)} ${value}\n`)
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

function labelsOf(names: readonly string[], values: readonly (string | number)[]): string {
  if (names.length === 0) return ''
  return `{${names.map((name, index) => `${name}="${escaped(String(values[index] ?? ''))}"`).join(',')}}`
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')

/** Commits that are waited for so long are waited for by somebody. */
const lagMax = 5_000

/** What of it people must know, in a few words each. */
export function standingNotices({ lagMs, clockOffMs }: FeedStanding): readonly string[] {
  const seconds = (ms: number): string => `${Math.round(Math.abs(ms) / 1000)} s`
  return [
    lagMs > lagMax ? [`a commit has been under way for ${seconds(lagMs)}: something in the database holds it up`] : [],
    Math.abs(clockOffMs) > clockOffMax
      ? [`the clocks of PostgreSQL and of this server differ by ${seconds(clockOffMs)}`]
      : [],
  ].flat()
}
