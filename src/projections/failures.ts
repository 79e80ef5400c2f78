import type { Views } from '../store/store.ts'
import { timeText } from './view.ts'

/** Failures since a time by action, state and error class: the most frequent pattern first. */
export async function failurePatterns(views: Views, since: number, tenant: string) {
  const patterns = await views.failuresSince(since, tenant)
  return [...patterns]
    .sort((a, b) => b.count - a.count || b.newestAt - a.newestAt)
    .map(({ newestAt, ...pattern }) => ({ ...pattern, newestAt: timeText(newestAt) }))
}
