import { clockOff, type FeedStanding } from '../feed-standing.ts'
import type { Readers } from './connection.ts'
import { lockSpace } from './turns.ts'

/** @param readers with the rights of the connecting user: only those see since when its own sessions are at work */
export async function standingOf(readers: Readers, now: () => number): Promise<FeedStanding> {
  const sentAt = now()
  const [lagMs = 0, serverAt = sentAt] = ((await readers.one('feedStanding', lockSpace)) ?? []) as readonly number[]
  return { lagMs, clockOffMs: clockOff(serverAt, sentAt, now()) }
}
