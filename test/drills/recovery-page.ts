import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

interface Result {
  readonly drill: string
  readonly rounds: number
  readonly passed: number
  readonly failed: number
  readonly on: { readonly node: string; readonly sqlite: string; readonly cores: number }
  readonly figures: Readonly<Record<string, number | string | null>>
}

const pageUrl = new URL('../../docs/operate/recovery.md', import.meta.url)
const results = new URL('./results/', import.meta.url)
const [begin, end] = ['<!-- figures: begin -->', '<!-- figures: end -->'] as const

/** Writes the kept figures of full runs into the page about recovery. */
export function writeRecoveryPage(): void {
  const page = readFileSync(pageUrl, 'utf8')
  const [before, rest] = page.split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error('the page about recovery has no place for figures')
  writeFileSync(pageUrl, `${before}${begin}\n${table()}\n${end}${after}`)
}

function table(): string {
  const kept = readdirSync(results)
    // The others measure no recovery.
    .filter((name) => name.endsWith('.json') && name !== 'self-test.json' && name !== 'same-bytes.json')
    .sort()
    .map((name) => JSON.parse(readFileSync(new URL(name, results), 'utf8')) as Result)
    .filter(({ figures }) => figures['effects applied'] !== undefined)
  const rows = kept.map(({ drill, rounds, passed, failed, figures }) => {
    const times = (kind: string): string => {
      const [count, p50, p90, max] = ['count', 'p50 ms', 'p90 ms', 'max ms'].map((each) => figures[`${kind} ${each}`])
      return count === 0 ? '–' : `${count}: ${p50} / ${p90} / ${max}`
    }
    const proven = times('recovery after proof of death')
    const lease = times('recovery by lease')
    const applied = `${figures.executions} / ${figures['effects applied']}`
    return `| ${drill} | ${rounds} | ${applied} | ${proven} | ${lease} | ${figures['writes refused by fence']} | ${passed} / ${failed} |`
  })
  const on = kept[0]?.on
  return [
    '| Drill | rounds | executions / effects | after proof: count: p50 / p90 / max ms | by lease: count: p50 / p90 / max ms | writes refused | passed / failed |',
    '|---|---|---|---|---|---|---|',
    ...rows,
    '',
    `On ${on?.cores} shared cores, Node ${on?.node}, SQLite ${on?.sqlite}. \`stop-default\` runs at the default lease, \`writer-kill\` at one of 3 s and counted from the start of the new server process, the others at the short one.`,
  ].join('\n')
}
