import type { Awaitable, Reads } from '../store/store.ts'

/** One question of a batch to the store. A batch asks few: each covers all orders at once. */
export type Ask = { [K in keyof Reads]: { readonly read: K; readonly args: Parameters<Reads[K]> } }[keyof Reads]

export type Asking<T> = Generator<Ask, T, unknown>

/** Asks inside a batch: `const rows = yield* ask('executions', ids)`. */
export function* ask<K extends keyof Reads>(
  read: K,
  ...args: Parameters<Reads[K]>
): Asking<Awaited<ReturnType<Reads[K]>>> {
  return (yield { read, args } as Ask) as Awaited<ReturnType<Reads[K]>>
}

const reply = (reads: Reads, { read, args }: Ask): Awaitable<unknown> =>
  (reads[read] as (...args: unknown[]) => Awaitable<unknown>)(...args)

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
    let next: IteratorResult<Ask, T>
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

const replyLater = async (reads: Reads, asked: Ask): Promise<unknown> => await reply(reads, asked)
