import type { PolicyDocument } from './document.ts'

/** One place at which two documents differ; a side is null where it has nothing there. */
export interface PolicyDifference {
  /** Names of sections and rules, parted by dots: `approvals.production.require.quorum`. */
  readonly at: string
  readonly before: unknown
  readonly after: unknown
}

/**
 * How two documents differ, place by place, in the order of the places. Rules are compared by their names, for their
 * order decides nothing.
 */
export function differencesOf(before: PolicyDocument, after: PolicyDocument): readonly PolicyDifference[] {
  return differ('', named(before), named(after)).sort((a, b) => (a.at < b.at ? -1 : 1))
}

const named = ({ approvals = [], ...rest }: PolicyDocument): Readonly<Record<string, unknown>> => ({
  ...rest,
  approvals: Object.fromEntries(approvals.map(({ name, ...rule }) => [name, rule])),
})

function differ(at: string, before: unknown, after: unknown): PolicyDifference[] {
  if (isRecord(before) && isRecord(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])]
    return names.flatMap((name) => differ(at === '' ? name : `${at}.${name}`, before[name], after[name]))
  }
  if (JSON.stringify(before) === JSON.stringify(after)) return []
  // A section that one of them leaves out is compared name by name, too.
  if (isSection(at) && (isRecord(before) || isRecord(after))) return differ(at, before ?? {}, after ?? {})
  return [{ at, before: before ?? null, after: after ?? null }]
}

const isSection = (at: string): boolean => at === 'approvals' || at === 'limits' || at === 'flags'

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
