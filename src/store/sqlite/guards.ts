import { isLegalPair, stateCodes, states } from '../../execution/machine.ts'
import { lookups } from './lookups.ts'

/**
 * The part of the schema that follows from the state machine. A migration holds its text frozen; when the machine
 * changes, a new migration replaces the guards.
 */
export function renderMachineSql(): string {
  return [seeds(), updateGuard].join('\n\n')
}

function seeds(): string {
  return Object.entries(lookups)
    .map(([table, codes]) => {
      const rows = Object.entries(codes).map(([name, code]) => `  (${code}, '${name}')`)
      return `insert into ${table} (code, name) values\n${rows.join(',\n')};`
    })
    .join('\n\n')
}

const illegalPairs = states
  .map((from) => {
    const to = states.filter((state) => state !== from && !isLegalPair(from, state)).map((state) => stateCodes[state])
    return `(old.state = ${stateCodes[from]} and new.state in (${to.join(', ')}))`
  })
  .join('\n  or ')

const { running } = stateCodes

// An AFTER trigger whose WHEN is false costs next to nothing; what is wrong is only worked out once it is true.
const updateGuard = `create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
when ${illegalPairs}
  or not (
    (new.n = old.n + 1 and new.head > old.head)
    or (new.n = old.n and new.head = old.head and new.state = old.state)
  )
  or new.fence < old.fence
  or (new.state = ${running} and old.state <> ${running} and new.fence <= old.fence)
  or new.id <> old.id
  or new.tenant <> old.tenant
  or new.queue <> old.queue
begin
  select case
    when new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue
      then raise(abort, 'identity_changed: id, tenant and queue of an execution never change.')
    when new.fence < old.fence
      then raise(abort, 'fence_fell: the fence of an execution never falls.')
    when ${illegalPairs.replaceAll('\n  or ', '\n      or ')}
      then raise(abort, 'illegal_transition: execution ' || old.id || ' may not go from '
        || (select name from execution_status where code = old.state) || ' to '
        || (select name from execution_status where code = new.state) || '.')
    when new.state = ${running} and old.state <> ${running} and new.fence <= old.fence
      then raise(abort, 'fence_not_raised: a claim raises the fence.')
    else raise(abort, 'unrecorded_change: a change of an execution takes the next number and the position of its event.')
  end;
end;`
