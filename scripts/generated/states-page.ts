/** docs/reference/states.md: the state machine as a table and as a diagram. */
import {
  aliases,
  eventCodes,
  isTerminal,
  type State,
  stateCodes,
  states,
  targets,
  transitions,
} from '../../src/execution/machine.ts'
import { generatedFrom, table } from './table.ts'

export function statesPage(): string {
  return `${generatedFrom('src/execution/machine.ts')}

# States of an execution

Everything that changes an execution is one of the events below; what is not listed is refused with
\`illegal_transition\`, by the commands and again by the database. Where an event has several targets, the first one
whose condition holds is taken, in the order given.

${table(['from', 'event', 'to'], rows())}

A terminal state (${states
    .filter(isTerminal)
    .map((state) => `\`${state}\``)
    .join(', ')}) is left only by \`redrive\`, which records who did it and why.

## Diagram

\`\`\`mermaid
stateDiagram-v2
${arrows().join('\n')}
\`\`\`

## Codes and names elsewhere

The code is what database rows hold. The other two columns are the names of the systems that Pawl stands in for.

${table(
  ['state', 'code', 'execution queue (REL)', 'control plane (CP)'],
  states.map((state) => [`\`${state}\``, stateCodes[state], aliases[state].rel, aliases[state].cp]),
)}

## Events

Events without a transition are facts: they are written to the log and leave the state as it is.

${table(
  ['event', 'code', 'kind'],
  Object.entries(eventCodes).map(([event, code]) => [`\`${event}\``, code, changes.has(event) ? 'transition' : 'fact']),
)}
`
}

const changes: ReadonlySet<string> = new Set(transitions.map(({ event }) => event))

function rows(): string[][] {
  const sources: readonly (State | null)[] = [null, ...states]
  return sources.flatMap((from) => {
    const events = [...new Set(transitions.filter((row) => row.from === from).map(({ event }) => event))]
    if (events.length === 0) return [[nameOf(from), 'nothing', '']]
    return events.map((event) => [nameOf(from), `\`${event}\``, targets(from, event).map(nameOf).join(', ')])
  })
}

function nameOf(state: State | null): string {
  return state === null ? '(new)' : `\`${state}\``
}

/** One arrow for each pair of states, labelled with all its events; the facts of one state are left out. */
function arrows(): string[] {
  const labels = new Map<string, string[]>()
  for (const { from, event, to } of transitions) {
    if (from === to) continue
    const arrow = `  ${from ?? '[*]'} --> ${to}`
    labels.set(arrow, [...(labels.get(arrow) ?? []), event])
  }
  return [...labels].map(([arrow, events]) => `${arrow} : ${events.join(', ')}`)
}
