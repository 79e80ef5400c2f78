import type { StatementName } from './statements.ts'

/** Leases to run and leases to plan have an index each. */
export async function leases(
  keys: (name: StatementName) => Promise<readonly number[]>,
  runs: StatementName,
  plans: StatementName,
  limit: number,
): Promise<readonly number[]> {
  const [running, planned] = await Promise.all([keys(runs), keys(plans)])
  return planned.length === 0 ? running : [...running, ...planned].sort((a, b) => a - b).slice(0, limit)
}
