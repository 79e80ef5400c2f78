-- Executions that wait for an approval must have ended before this: nothing else would ask for it any more.
create or replace function plan_steps_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution) then
    raise exception 'append_only: a step of a plan is never deleted.';
  end if;
  return old;
end $$;
drop trigger plan_steps_guard_update on plan_steps;
alter table plan_steps drop column approved_at;
alter table plan_steps drop column revision;
create trigger plan_steps_guard_update after update on plan_steps
for each row when (new.execution <> old.execution
  or new.idx <> old.idx
  or new.step <> old.step
  or new.target <> old.target
  or new.args <> old.args
  or new.effects <> old.effects
  or new.fence < old.fence
  or (old.state = 3 and new.state <> 3))
execute function refuse_change('plan_fixed: what was planned stays, and a target that has succeeded stays so.');
alter table plans drop column diff;
drop table approvals;
drop function approvals_no_delete();
drop index executions_gated;
alter table executions drop column gate;
