/** docs/reference/metrics.md: what `GET /metrics` tells. */
import { metrics } from '../../src/projections/metrics.ts'
import { generatedFrom, table } from './table.ts'

export function metricsPage(): string {
  const whose = { all: 'everybody', tenant: 'the tenant of the token' } as const
  const rows = Object.entries(metrics).map(([name, { help, labels, of }]) => [
    `\`${name}\``,
    labels.map((label) => `\`${label}\``).join(', ') || '–',
    whose[of],
    help,
  ])
  return `${generatedFrom('src/projections/metrics.ts')}

# Metrics

\`GET /metrics\` answers in the text format of Prometheus to a token that may read \`ops\`. A process that is a worker or
a leader only answers where it tells its health, without a token, and with what concerns no tenant. All but those of the
log are gauges, read from the store at the moment of the question, so that every process says the same; only the lag is
known best by the process whose commit is held up: take the greatest. The log is each process's own
([logs.md](../operate/logs.md)): take the sum.

${table(['metric', 'labels', 'concerns', 'meaning'], rows)}

Events of the ordered feed come in the order of commits, one commit at a time, so that nothing ever appears in front of
what was read. The price is that a commit which is held up holds up those behind it: the lag says for how long. A foreign
transaction that merely stays open costs nothing; one that locks a table or a row of Pawl's does, and so does a server
that waits for its replica. \`pawl ops\` says so from five seconds on.

\`\`\`yaml
scrape_configs:
  - job_name: pawl
    authorization: { credentials_file: /etc/pawl/metrics-token }
    static_configs: [{ targets: ['pawl.internal:7070'] }]
\`\`\`
`
}
