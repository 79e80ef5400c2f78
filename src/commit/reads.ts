import type { Execution, Request } from '../execution/execution.ts'
import type { Ready } from '../store/rows.ts'
import type { Awaitable, Reads } from '../store/store.ts'

/** One question of a batch to the store. A batch asks few: each covers all orders at once. */
export type Ask = { [K in keyof Reads]: { readonly read: K; readonly args: Parameters<Reads[K]> } }[keyof Reads]

/** Several at once take one way to the store. */
export type Asking<T> = Generator<Ask | readonly Ask[], T, unknown>

/** Asks inside a batch: `const rows = yield* ask('executions', ids)`. */
export function* ask<K extends keyof Reads>(
  read: K,
  ...args: Parameters<Reads[K]>
): Asking<Awaited<ReturnType<Reads[K]>>> {
  return (yield { read, args } as Ask) as Awaited<ReturnType<Reads[K]>>
}

/** Executions and what was asked for them. */
export function* askWhole(
  executions: readonly number[],
  requests: readonly number[],
): Asking<readonly [readonly Execution[], readonly Request[]]> {
  const asked: readonly Ask[] = [
    { read: 'executions', args: [executions] },
    { read: 'requests', args: [requests] },
  ]
  return (yield asked) as readonly [readonly Execution[], readonly Request[]]
}

/** How much of the front of a queue. */
export interface FrontAsk {
  readonly queue: number
  readonly limit: number
}

const frontAsk = ({ queue, limit }: FrontAsk): Ask => ({ read: 'ready', args: [queue, limit] })

/** Executions, and the fronts of queues in their order. */
export function* askWithFronts(
  executions: readonly number[],
  fronts: readonly FrontAsk[],
): Asking<readonly [readonly Execution[], ...(readonly Ready[])[]]> {
  const asked: readonly Ask[] = [{ read: 'executions', args: [executions] }, ...fronts.map(frontAsk)]
  return (yield asked) as readonly [readonly Execution[], ...(readonly Ready[])[]]
}

/** The fronts of several queues, in their order. */
export function* askFronts(fronts: readonly FrontAsk[]): Asking<readonly (readonly Ready[])[]> {
  return (yield fronts.map(frontAsk)) as readonly (readonly Ready[])[]
}

function reply(reads: Reads, asked: Ask | readonly Ask[]): Awaitable<unknown> {
  if (!('read' in asked)) {
    const answers = asked.map((each) => reply(reads, each))
    return answers.some((answer) => answer instanceof Promise) ? Promise.all(answers) : answers
  }
  return (reads[asked.read] as (...args: unknown[]) => Awaitable<unknown>)(...asked.args)
}

/** Runs a batch against a store that answers at once or later; the batch cannot tell. */
export function converse<T>(batch: Asking<T>, reads: Reads): Awaitable<T> {
  let next = batch.next()
  while (!next.done) {
    let answer: Awaitable<unknown>
    try {
      answer = reply(reads, next.value)
    } catch (thrown) {
      // Where the question was asked: whoever asks for a single thing may know what to do without an answer.
      next = batch.throw(thrown)
      continue
    }
    if (answer instanceof Promise) return converseLater(batch, reads, answer)
    next = batch.next(answer)
  }
  return next.value
}

async function converseLater<T>(batch: Asking<T>, reads: Reads, first: Promise<unknown>): Promise<T> {
  let answer = first
  for (;;) {
    let next: IteratorResult<Ask | readonly Ask[], T>
    try {
      const given = await answer
      next = batch.next(given)
    } catch (thrown) {
      // The batch's own failures come by here, too: it has ended then, and throws them back.
      next = batch.throw(thrown)
    }
    if (next.done) return next.value
    answer = replyLater(reads, next.value)
  }
}

const replyLater = async (reads: Reads, asked: Ask | readonly Ask[]): Promise<unknown> => await reply(reads, asked)
