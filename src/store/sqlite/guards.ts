import { isLegalPair, type State, stateCodes, states } from '../../execution/machine.ts'
import { lookups } from './lookups.ts'

/**
 * The part of the schema that follows from the state machine. A migration holds its text frozen; when the machine
 * changes, a new migration replaces the guards.
 */
export function renderMachineSql(): string {
  return [seeds(), updateGuard].join('\n\n')
}

export function seeds(): string {
  return Object.entries(lookups)
    .map(([table, codes]) => {
      const rows = Object.entries(codes).map(([name, code]) => `  (${code}, '${name}')`)
      return `insert into ${table} (code, name) values\n${rows.join(',\n')};`
    })
    .join('\n\n')
}

/** One bit for each state that a state may not change to. A mask costs a third of a list: the guard sees every change. */
export function illegalMask(from: State): number {
  let mask = 0
  for (const to of states) if (to !== from && !isLegalPair(from, to)) mask |= 1 << stateCodes[to]
  return mask
}

function illegalPair(indent: string): string {
  const lines = states.map((from) => `${indent}  when ${stateCodes[from]} then ${illegalMask(from)}`)
  return `1 << new.state & case old.state\n${lines.join('\n')}\n${indent}end`
}

const { running } = stateCodes
const identity = 'new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue'
const unraised = `new.fence <= old.fence and new.state = ${running} and old.state <> ${running}`

// An AFTER trigger whose WHEN is false costs next to nothing; what is wrong is only worked out once it is true.
const updateGuard = `-- Each case holds the illegal targets of one state, as bits numbered by the codes above.
create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
when ${illegalPair('')}
  or not (
    (new.n = old.n + 1 and new.head > old.head)
    or (new.n = old.n and new.head = old.head and new.state = old.state)
  )
  or new.fence < old.fence
  or (${unraised})
  or ${identity}
begin
  select case
    when ${identity}
      then raise(abort, 'identity_changed: id, tenant and queue of an execution never change.')
    when new.fence < old.fence
      then raise(abort, 'fence_fell: the fence of an execution never falls.')
    when ${illegalPair('    ')}
      then raise(abort, 'illegal_transition: execution ' || old.id || ' may not go from '
        || (select name from execution_status where code = old.state) || ' to '
        || (select name from execution_status where code = new.state) || '.')
    when ${unraised}
      then raise(abort, 'fence_not_raised: a claim raises the fence.')
    else raise(abort, 'unrecorded_change: a change of an execution takes the next number and the position of its event.')
  end;
end;`
