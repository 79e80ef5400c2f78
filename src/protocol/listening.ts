import type { Random } from '../identity/random.ts'
import type { Lease } from '../run/heart.ts'
import type { Clock } from '../time/clock.ts'
import type { Welcome, WorkerProtocol } from './protocol.ts'
import { pauseMs } from './steadfast.ts'

export interface ListeningPorts {
  readonly protocol: Pick<WorkerProtocol, 'listen'>
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
  /** As whom to listen: another after the worker has signed on anew. */
  readonly welcome: () => Welcome
  readonly cancel: (lease: Lease) => void
  readonly ended: AbortSignal
}

/** Hears at once of what a heartbeat would tell later, until the worker has ended. Never throws: heartbeats go on. */
export async function listenForNews({
  protocol,
  clock,
  random,
  welcome,
  cancel,
  ended,
}: ListeningPorts): Promise<void> {
  for (let failures = 0; !ended.aborted; ) {
    const { worker, heartbeatMs } = welcome()
    try {
      const news = await protocol.listen({ worker, waitMs: heartbeatMs })
      for (const lease of news.cancel) cancel(lease)
      failures = 0
    } catch {
      // Whoever is unknown by now signs on again with the next claim.
      failures += 1
      await clock.sleep(pauseMs(failures, random), ended).catch(() => {})
    }
  }
}
