import { stateCodes, states } from '../../execution/machine.ts'
import { illegalMask, seeds } from '../sqlite/guards.ts'

/**
 * The part of the schema that follows from the state machine. A migration holds its text frozen; when the machine
 * changes, a new migration replaces the guards.
 */
export function renderMachineSql(): string {
  return [seeds(), updateGuard].join('\n\n')
}

function illegalPair(indent: string): string {
  const lines = states.map((from) => `${indent}  when ${stateCodes[from]} then ${illegalMask(from)}`)
  return `1::bigint << new.state::int & case old.state\n${lines.join('\n')}\n${indent}end <> 0`
}

const { running } = stateCodes
const unraised = `new.fence <= old.fence and new.state = ${running} and old.state <> ${running}`

// An AFTER trigger whose WHEN is false costs next to nothing; what is wrong is only worked out once it is true.
const updateGuard = `-- Each case holds the illegal targets of one state, as bits numbered by the codes above.
create or replace function executions_guard_update() returns trigger language plpgsql as $$
begin
  if new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue then
    raise exception 'identity_changed: id, tenant and queue of an execution never change.';
  elsif new.fence < old.fence then
    raise exception 'fence_fell: the fence of an execution never falls.';
  elsif (${illegalPair('    ')}) then
    raise exception 'illegal_transition: execution % may not go from % to %.',
      old.id,
      (select name from execution_status where code = old.state),
      (select name from execution_status where code = new.state);
  elsif ${unraised} then
    raise exception 'fence_not_raised: a claim raises the fence.';
  else
    raise exception 'unrecorded_change: a change of an execution takes the next number and the position of its event.';
  end if;
end $$;
create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
for each row when (${illegalPair('  ')}
  or not (
    (new.n = old.n + 1 and new.head > old.head)
    or (new.n = old.n and new.head = old.head and new.state = old.state)
  )
  or new.fence < old.fence
  or (${unraised})
  or new.id <> old.id
  or new.tenant <> old.tenant
  or new.queue <> old.queue)
execute function executions_guard_update();`
