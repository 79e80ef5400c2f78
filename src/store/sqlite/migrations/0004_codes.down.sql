-- Puts the names and the guard of before in place again.
drop trigger executions_guard_update;
delete from event_type
where code between 56 and 66;
delete from timer_kind
where code > 3;

create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
when 1 << new.state & case old.state
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
end
  or not (
    (new.n = old.n + 1 and new.head > old.head)
    or (new.n = old.n and new.head = old.head and new.state = old.state)
  )
  or new.fence < old.fence
  or (new.fence <= old.fence and new.state = 4 and old.state <> 4)
  or new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue
begin
  select case
    when new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue
      then raise(abort, 'identity_changed: id, tenant and queue of an execution never change.')
    when new.fence < old.fence
      then raise(abort, 'fence_fell: the fence of an execution never falls.')
    when 1 << new.state & case old.state
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
    end
      then raise(abort, 'illegal_transition: execution ' || old.id || ' may not go from '
        || (select name from execution_status where code = old.state) || ' to '
        || (select name from execution_status where code = new.state) || '.')
    when new.fence <= old.fence and new.state = 4 and old.state <> 4
      then raise(abort, 'fence_not_raised: a claim raises the fence.')
    else raise(abort, 'unrecorded_change: a change of an execution takes the next number and the position of its event.')
  end;
end;
