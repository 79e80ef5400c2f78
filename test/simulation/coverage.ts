import { transitions } from '../../src/execution/machine.ts'
import { deskKinds } from './desk.ts'
import { faultKinds } from './faults.ts'
import { permitKinds } from './permits.ts'

/** Below this, chance alone may miss a rare kind. */
const seedsMin = 3_000

/** Transitions that nobody here asks for: approvals have histories of their own (test/approvals); actions that cannot be read. */
const beyond: ReadonlySet<string> = new Set(
  transitions
    .filter(
      ({ from, event }) =>
        event === 'vote' ||
        event === 'replanned' ||
        event === 'reject' ||
        (from === 'approved' && event !== 'resume') ||
        (from === 'waiting' && event === 'approve') ||
        event === 'invalidate',
    )
    .map(nameOf)
    .concat(['waiting reject canceled', 'queued fail failed', 'retryable_failed fail failed']),
)

/** Reached once in some thousand seeds or less: wanted of long runs only. */
const rare: ReadonlySet<string> = new Set([
  'running lease_expired failed',
  'failed redrive requested',
  'expired redrive queued',
  'expired redrive requested',
  'canceled redrive requested',
])
const rareSeedsMin = 20_000

function nameOf({ from, event, to }: (typeof transitions)[number]): string {
  return `${from ?? 'none'} ${event} ${to}`
}

/** What a large enough run should have reached and did not: a simulation that tests less than it claims. */
export function missingKinds(counts: ReadonlyMap<string, number>, seeds: number): string[] {
  if (seeds < seedsMin) return []
  const wanted = [
    'command rerun',
    'a key moved on',
    ...faultKinds.map((kind) => `fault ${kind}`),
    'fact deadline_moved',
    ...permitKinds,
    ...(seeds >= rareSeedsMin ? ['bulk resumed', 'limit below what is held'] : []),
    ...transitions
      .map(nameOf)
      .filter((name) => !beyond.has(name) && (seeds >= rareSeedsMin || !rare.has(name)))
      .map((name) => `transition ${name}`),
    ...deskKinds,
    ...(['begin', 'read', 'write', 'commit'] as const).map((call) => `cancel at a ${call} of the store`),
    'queue line served past a better rank',
    'lock line served past a better rank',
    'suspect runs',
    'run lost alone',
    'fact archived',
    'fact restored',
    'schedule fired',
    'schedule pause',
    'schedule backfill',
    'schedule delete',
  ]
  return wanted.filter((name) => !counts.has(name))
}
