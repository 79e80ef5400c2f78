import type { DrainAsked } from '../commit/order.ts'
import type { Random } from '../identity/random.ts'
import type { LiveRuns } from '../run/live-runs.ts'
import type { Clock } from '../time/clock.ts'
import type { Welcome, WorkerProtocol } from './protocol.ts'
import { pauseMs } from './steadfast.ts'

export interface ListeningPorts {
  readonly protocol: Pick<WorkerProtocol, 'listen'>
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
  /** As whom to listen: another after the worker has signed on anew. */
  readonly welcome: () => Welcome
  readonly runs: Pick<LiveRuns, 'cancel' | 'grant'>
  readonly drain: (asked: DrainAsked) => void
  readonly ended: AbortSignal
}

/** Hears at once of what a heartbeat would tell later, until the worker has ended. Never throws: heartbeats go on. */
export async function listenForNews(ports: ListeningPorts): Promise<void> {
  const { protocol, clock, random, welcome, runs, drain, ended } = ports
  for (let failures = 0; !ended.aborted; ) {
    const { worker, heartbeatMs } = welcome()
    try {
      const news = await protocol.listen({ worker, waitMs: heartbeatMs })
      for (const lease of news.cancel) runs.cancel(lease)
      for (const grant of news.granted) runs.grant(grant)
      if (news.drain !== undefined) drain(news.drain)
      failures = 0
    } catch {
      // Whoever is unknown by now signs on again with the next claim.
      failures += 1
      await clock.sleep(pauseMs(failures, random), ended).catch(() => {})
    }
  }
}
