import type { Refusal } from '../errors/refusal.ts'
import type { EventView } from '../projections/view.ts'
import type { Clock } from '../time/clock.ts'

const heartbeatMs = 15_000

export interface StreamOptions {
  readonly events: AsyncGenerator<EventView, Refusal | undefined>
  readonly clock: Clock
  /** Ends the watch behind the events. */
  readonly stop: () => void
}

/**
 * Server-sent events. Nothing is read ahead of the client: one that stops reading stops the watch, and finds what it
 * missed in the log when it goes on.
 */
export function eventStream({ events, clock, stop }: StreamOptions): Response {
  const encoder = new TextEncoder()
  let upcoming: Promise<IteratorResult<EventView, Refusal | undefined>> | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => controller.enqueue(encoder.encode('retry: 1000\n\n')),
      async pull(controller) {
        upcoming ??= events.next()
        const rest = new AbortController()
        const beat = clock.sleep(heartbeatMs, rest.signal).then(
          () => 'beat' as const,
          () => 'beat' as const,
        )
        const next = await Promise.race([upcoming, beat])
        rest.abort()
        if (next === 'beat') {
          controller.enqueue(encoder.encode(': still here\n\n'))
          return
        }
        upcoming = undefined
        if (next.done) {
          controller.enqueue(encoder.encode('event: end\ndata: {}\n\n'))
          controller.close()
        } else {
          controller.enqueue(encoder.encode(`id: ${next.value.sequence}\ndata: ${JSON.stringify(next.value)}\n\n`))
        }
      },
      cancel: stop,
    },
    { highWaterMark: 1 },
  )
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}
