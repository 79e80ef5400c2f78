/** docs/reference/timeouts-and-retries.md: how long work may take, and which failures are tried again, how often. */
import { taxonomy } from '../../src/errors/taxonomy.ts'
import { defaultTimeouts } from '../../src/execution/timeout-policy.ts'
import { backoffMs, defaultRetryPolicy } from '../../src/time/backoff.ts'
import { generatedFrom, table } from './table.ts'

export function timeoutsPage(): string {
  const { maxAttempts, baseMs, multiplier, capMs } = defaultRetryPolicy
  const rests = [1, 2, 3, 4, 8].map((failed) => [
    failed,
    lasting(backoffMs(defaultRetryPolicy, failed, 0)),
    lasting(backoffMs({ ...defaultRetryPolicy, jitter: 'none' }, failed, 0)),
  ])
  return `${generatedFrom('src/execution/timeout-policy.ts and src/errors/taxonomy.ts')}

# Timeouts and retries

## How long work may take

Every execution has an SLA class and a class of action: from its request, else from its action (\`timeout\`), else
\`standard\` and \`default\`. A policy says for a pair of classes how long one attempt may take and how long all of it may
take from the time it is due. \`*\` stands for every class without a row of its own; the row that says most decides, and the
class of the action speaks before the SLA class.

${table(
  ['SLA class', 'class of action', 'attempt', 'overall'],
  defaultTimeouts.map(({ slaClass, actionClass, attemptMs, overallMs }) => [
    `\`${slaClass}\``,
    `\`${actionClass}\``,
    lasting(attemptMs),
    lasting(overallMs),
  ]),
)}

These are the ones of a new store. \`pawl timeout-policy set\` changes them, with a reason; every version is kept
(\`pawl timeout-policy history\`), and \`pawl trace\` names the ones that decided. A change holds from the next commit on: the
attempt's limit for every claim from then on, the overall one for what is admitted from then on.

- An attempt that is out of time is told so through its signal and ends as \`TimeoutError\`; it has spent an attempt. Where the
  action has a \`timeoutMs\` of its own, the narrower limit holds.
- The overall limit and a deadline that the request names become one deadline, the earlier. When it has passed, the execution
  is \`expired\`, whatever it was doing; one with an effect in doubt is looked at first. What is out of time is not begun.
- A deadline stands still while a pause holds the work back, from the pause until what it held has been let go; overlapping
  pauses count once. It does not stand still while the execution runs. The event \`deadline_moved\` says by how much.
- The end of a pause lets go what was due by then, whether a worker had looked at it or not: of each action in order, at the
  pace that was asked for (5,000 a second by default), and no faster than workers begin it. At most 32 of an action, or twice
  what was begun since the part before, wait for a worker, so new work is not held up by a night and nothing expires in a line
  that only the pause has made. What no worker serves is not waited for. A server that is started anew meanwhile goes on, and
  may let one part go too early.

## Which failures are tried again

The taxonomy decides, never the handler; a failure that no class describes is \`UnknownError\`.

${table(
  ['class', 'tried again', 'meaning'],
  Object.entries(taxonomy).map(([name, { retryable, meaning }]) => [`\`${name}\``, retryable ? 'yes' : 'no', meaning]),
)}

## How often, and after which rest

At most ${maxAttempts} attempts in all unless the action or the server says otherwise (\`PAWL_MAX_ATTEMPTS\`); the rest between
two is ${lasting(baseMs)}, times ${multiplier} after each failure, at most ${lasting(capMs)}, with full jitter above a tenth of
it. No failure is tried again at once, so the rate of attempts of one execution has a bound whatever it does.

${table(['failed attempts', 'shortest rest', 'longest rest'], rests)}
`
}

function lasting(ms: number | null): string {
  if (ms === null) return 'no limit'
  for (const [unit, length] of [
    ['h', 3_600_000],
    ['min', 60_000],
  ] as const) {
    if (ms >= length && ms % length === 0) return `${ms / length} ${unit}`
  }
  return `${ms / 1_000} s`
}
