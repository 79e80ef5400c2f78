import {
  eventsWanted,
  goals,
  isMeasured,
  type Measured,
  type NotMeasured,
  type Results,
  rows,
  walBytesMax,
} from './results.ts'
import { median, ratios, spread } from './statistics.ts'

/** The page `docs/reference/performance.md`: nothing in it comes from anywhere but a file of results. */
export function page(results: Results): string {
  const { machine, audit } = results
  return `# Performance

<!-- Generated from bench/results by \`npm run bench -- docs\`; do not edit. -->

Measured with \`${results.command}\` at commit \`${results.commit}\` on ${results.at.slice(0, 10)}: ${machine.processor}, ${machine.cores} cores
that clients, workers and servers share, ${machine.memoryGb} GB, ${machine.system}, Node ${machine.node}, SQLite ${machine.sqlite}${results.servers.map((server) => `, ${server}`).join('')}.
One fdatasync takes ${machine.fsyncMs.p50.toFixed(2)} ms (p99 ${machine.fsyncMs.p99.toFixed(2)} ms) before the run, ${results.fsyncMsAtEnd.p50.toFixed(2)} ms (p99 ${results.fsyncMsAtEnd.p99.toFixed(2)} ms) after it.

Every figure is at equal durability: what is acknowledged survives a loss of power. Same handler (it only returns), same input (about 85 bytes),
${results.rounds} rounds in which the contenders take turns, a warm-up round before them not counted. Whether something has ended is read from the store.
Median (min–max). Absolute figures move with the machine and its neighbours; the ratios, taken within each round, move less.

${table(results)}

${goalTable(results)}

Pawl's figures include the idempotency key of every submission, the append-only history, fences and the guards in the tables. After every run of Pawl each
event of each execution was read back: ${audit.executions} histories, numbered without a gap, on a legal path, the fence at the position of the last claim, the last event leading to
the state of the row. Events per execution: ${audit.eventsPerExecution.toFixed(2)} (wanted: ${eventsWanted}). Bytes of write-ahead log per execution: ${Math.round(audit.walBytesPerExecution)}${audit.walBytesPerExecution <= walBytesMax ? '' : ', above'}${audit.walBytesPerExecution <= walBytesMax ? ' (bound: ' : ' the bound of '}${walBytesMax}${audit.walBytesPerExecution <= walBytesMax ? ')' : ''}.

## Configurations

${results.contenders.map(({ title, configuration }) => `- **${title}**: ${configuration}.`).join('\n')}

plainjob runs in the thread of its caller: its submissions "10 in flight" are ten calls one after the other.
Graphile Worker deletes what is done and keeps no history; its end is when its row is gone.
`
}

/** One row for each figure, one column for each contender; the best of a row is bold. */
export function table({ contenders }: Results): string {
  const shown = rows.filter(({ figure }) => contenders.some((one) => isMeasured(one) && one.figures[figure]))
  const lines = shown.map(({ figure, title, unit }) => {
    const medians = contenders.map((one) =>
      isMeasured(one) && one.figures[figure] ? median(one.figures[figure]) : null,
    )
    const known = medians.filter((value) => value !== null)
    const best = unit === 'ms' ? Math.min(...known) : Math.max(...known)
    const cells = contenders.map((one, index) => cell(one, figure, unit, medians[index] === best))
    return `| ${title} (${unit}) | ${cells.join(' | ')} |`
  })
  return [
    `| | ${contenders.map(({ title }) => title).join(' | ')} |`,
    `|---|${contenders.map(() => '---|').join('')}`,
    ...lines,
    '',
    ...winners({ contenders }),
    ...contenders.flatMap((one) => (isMeasured(one) ? [] : [`${one.title} was not measured here: ${one.missing}.`])),
  ].join('\n')
}

function cell(
  one: Measured | NotMeasured,
  figure: (typeof rows)[number]['figure'],
  unit: string,
  isBest: boolean,
): string {
  if (!isMeasured(one)) return 'not measured here'
  const values = one.figures[figure]
  if (values === undefined || values.length === 0) return '–'
  const { min, median: middle, max } = spread(values)
  const text = (value: number): string => (unit === 'ms' ? value.toFixed(2) : thousands(value))
  return `${isBest ? `**${text(middle)}**` : text(middle)} (${text(min)}–${text(max)})`
}

const thousands = (value: number): string =>
  value < 10_000 ? String(Math.round(value)) : `${(value / 1_000).toFixed(value < 100_000 ? 1 : 0)}k`

function winners({ contenders }: Pick<Results, 'contenders'>): string[] {
  const measured = contenders.filter(isMeasured)
  const ours = measured.find(({ name }) => name === 'pawl')
  if (ours === undefined) return []
  return rows.flatMap(({ figure, title, unit }) => {
    const own = median(ours.figures[figure] ?? [])
    const ahead = measured
      .filter(({ name }) => !name.startsWith('pawl'))
      .filter((peer) => {
        const other = median(peer.figures[figure] ?? [])
        return unit === 'ms' ? other < own : other > own
      })
    return ahead.length === 0
      ? []
      : [`In ${title}, ${list(ahead.map((peer) => peer.title))} ${ahead.length === 1 ? 'is' : 'are'} ahead of Pawl.`]
  })
}

const list = (names: readonly string[]): string => new Intl.ListFormat('en').format(names)

export interface GoalCheck {
  readonly title: string
  readonly peer: string
  readonly bound: string
  readonly found: string
  readonly isMet: boolean | null
}

export function checkGoals({ contenders }: Results): GoalCheck[] {
  const ours = contenders.filter(isMeasured).find(({ name }) => name === 'pawl')
  const asked = goals.filter(({ peer }) => contenders.some(({ name }) => name === peer))
  return asked.map(({ figure, peer, bound }) => {
    const row = rows.find((each) => each.figure === figure)
    const other = contenders.find(({ name }) => name === peer)
    const isTime = row?.unit === 'ms'
    const each =
      other !== undefined && isMeasured(other) ? ratios(ours?.figures[figure] ?? [], other.figures[figure] ?? []) : []
    const { min, median: middle, max } = spread(each)
    return {
      title: row?.title ?? figure,
      peer: other?.title ?? peer,
      bound: `${isTime ? '≤' : '≥'} ${bound}×`,
      found: each.length === 0 ? 'not measured here' : `${middle.toFixed(2)}× (${min.toFixed(2)}–${max.toFixed(2)})`,
      isMet: each.length === 0 ? null : isTime ? middle <= bound : middle >= bound,
    }
  })
}

export function goalTable(results: Results): string {
  const lines = checkGoals(results).map(
    ({ title, peer, bound, found, isMet }) =>
      `| ${title} | ${peer} | ${bound} | ${found} | ${isMet === null ? '–' : isMet ? 'met' : 'missed'} |`,
  )
  return ['| Goal | Pawl over | wanted | found | |', '|---|---|---|---|---|', ...lines].join('\n')
}
