-- Puts the names and the guard of before in place again.
drop trigger executions_guard_update on executions;
delete from event_type
where code between 56 and 66;
delete from timer_kind
where code > 3;

create or replace function executions_guard_update() returns trigger language plpgsql as $$
begin
  if new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue then
    raise exception 'identity_changed: id, tenant and queue of an execution never change.';
  elsif new.fence < old.fence then
    raise exception 'fence_fell: the fence of an execution never falls.';
  elsif (1::bigint << new.state::int & case old.state
      when 1 then 504
      when 2 then 496
      when 3 then 228
      when 4 then 4
      when 5 then 214
      when 6 then 142
      when 7 then 1918
      when 8 then 1780
      when 9 then 1524
      when 10 then 1012
    end <> 0) then
    raise exception 'illegal_transition: execution % may not go from % to %.',
      old.id,
      (select name from execution_status where code = old.state),
      (select name from execution_status where code = new.state);
  elsif new.fence <= old.fence and new.state = 4 and old.state <> 4 then
    raise exception 'fence_not_raised: a claim raises the fence.';
  else
    raise exception 'unrecorded_change: a change of an execution takes the next number and the position of its event.';
  end if;
end $$;
create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
for each row when (1::bigint << new.state::int & case old.state
    when 1 then 504
    when 2 then 496
    when 3 then 228
    when 4 then 4
    when 5 then 214
    when 6 then 142
    when 7 then 1918
    when 8 then 1780
    when 9 then 1524
    when 10 then 1012
  end <> 0
  or not (
    (new.n = old.n + 1 and new.head > old.head)
    or (new.n = old.n and new.head = old.head and new.state = old.state)
  )
  or new.fence < old.fence
  or (new.fence <= old.fence and new.state = 4 and old.state <> 4)
  or new.id <> old.id
  or new.tenant <> old.tenant
  or new.queue <> old.queue)
execute function executions_guard_update();
