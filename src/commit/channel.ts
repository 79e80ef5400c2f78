import type { MessagePort } from 'node:worker_threads'
import { DatabaseError } from '../errors/failures.ts'
import { type Refusal, Refused } from '../errors/refusal.ts'
import type { DueNews } from './due/due-news.ts'
import type { Answer, Order, OrderKind, OrderOf, Orders } from './order.ts'

/**
 * Orders between threads. Both sides gather what one turn of their loop produced into one message, so that a message
 * costs little per order under load and nothing waits when idle.
 */
export type ToWriter =
  | { readonly orders: readonly (readonly [number, Order])[] }
  | { readonly attach: MessagePort }
  /** From now on each commit is followed by what it made due. */
  | { readonly tellDue: true }
  | { readonly close: true }

type Reply =
  | readonly [number, 'answer', Answer]
  | readonly [number, 'refused', Refusal]
  | readonly [number, 'failed', string]

export type FromWriter =
  | { readonly replies: readonly Reply[]; readonly changed: readonly number[] }
  | DueNews
  | { readonly closed: string | null }

interface Waiting {
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
}

/** Gives orders to a writer behind a port. */
export class ChannelOrders implements Orders {
  readonly #send: (message: ToWriter) => void
  readonly #waiting = new Map<number, Waiting>()
  #outgoing: [number, Order][] = []
  #next = 1
  #broken: Error | null = null

  constructor(send: (message: ToWriter) => void) {
    this.#send = send
  }

  give<K extends OrderKind>(order: OrderOf<K>): Promise<Answer<K>> {
    if (this.#broken !== null) return Promise.reject(this.#broken)
    return new Promise<Answer<K>>((resolve, reject) => {
      const number = this.#next++
      this.#waiting.set(number, { resolve: resolve as (answer: Answer) => void, reject })
      if (this.#outgoing.push([number, order]) === 1) queueMicrotask(() => this.#flush())
    })
  }

  receive(replies: readonly Reply[]): void {
    for (const [number, kind, content] of replies) {
      const waiting = this.#waiting.get(number)
      if (waiting === undefined) continue
      this.#waiting.delete(number)
      if (kind === 'answer') waiting.resolve(content)
      else waiting.reject(kind === 'refused' ? new Refused(content) : new DatabaseError(content))
    }
  }

  /** Nobody will answer any more: every caller learns that it does not know what became of its order. */
  break(error: Error): void {
    this.#broken = error
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }

  #flush(): void {
    const orders = this.#outgoing
    this.#outgoing = []
    if (this.#broken === null) this.#send({ orders })
  }
}

/** Answers the orders that come through one port. */
export class ChannelAnswers {
  readonly #send: (message: FromWriter) => void
  #replies: Reply[] = []
  #changed: number[] = []
  #isDue = false

  constructor(send: (message: FromWriter) => void) {
    this.#send = send
  }

  /** Tells what a commit has changed, in the message that carries its answers. */
  tell(changed: readonly number[]): void {
    for (const id of changed) this.#changed.push(id)
    this.#soon()
  }

  take(orders: readonly (readonly [number, Order])[], post: Post): void {
    for (const [number, order] of orders) {
      post(
        order,
        (answer) => this.#reply([number, 'answer', answer]),
        (error) =>
          this.#reply(
            error instanceof Refused ? [number, 'refused', error.refusal] : [number, 'failed', error.message],
          ),
      )
    }
  }

  #reply(reply: Reply): void {
    this.#replies.push(reply)
    this.#soon()
  }

  #soon(): void {
    if (this.#isDue) return
    this.#isDue = true
    queueMicrotask(() => {
      const message = { replies: this.#replies, changed: this.#changed }
      this.#isDue = false
      this.#replies = []
      this.#changed = []
      this.#send(message)
    })
  }
}

export type Post = (order: Order, answer: (answer: Answer) => void, fail: (error: Error) => void) => void
