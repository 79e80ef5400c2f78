import type { Refusal } from '../errors/refusal.ts'
import type { EventView } from '../projections/view.ts'
import type { Clock } from '../time/clock.ts'

const heartbeatMs = 15_000

export interface StreamOptions {
  readonly events: AsyncGenerator<EventView, Refusal | undefined>
  readonly clock: Clock
  /** Aborted when whoever watches is not let in any more. */
  readonly cut: AbortSignal
  /** What he is told then. */
  readonly ended: () => object
  /** Ends the watch behind the events, once the stream is over for whatever reason. */
  readonly onEnd: () => void
}

/**
 * Server-sent events. Nothing is read ahead of the client: one that stops reading stops the watch, and finds what it
 * missed in the log when it goes on.
 */
export function eventStream({ events, clock, cut, ended, onEnd }: StreamOptions): Response {
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
        if (cut.aborted) {
          controller.enqueue(encoder.encode(`event: refused\ndata: ${JSON.stringify(ended())}\n\n`))
          controller.close()
          onEnd()
          return
        }
        if (next === 'beat') {
          controller.enqueue(encoder.encode(': still here\n\n'))
          return
        }
        upcoming = undefined
        if (next.done) {
          controller.enqueue(encoder.encode('event: end\ndata: {}\n\n'))
          controller.close()
          onEnd()
        } else {
          controller.enqueue(encoder.encode(`id: ${next.value.sequence}\ndata: ${JSON.stringify(next.value)}\n\n`))
        }
      },
      cancel: onEnd,
    },
    { highWaterMark: 1 },
  )
  return new Response(body, {
    headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store', 'x-accel-buffering': 'no' },
  })
}
