-- Executions that wait for an approval must have ended before this: nothing else would ask for it any more.
drop trigger plan_steps_no_delete;
create trigger plan_steps_no_delete before delete on plan_steps
when not exists (select 1 from archives where id = old.execution)
begin
  select raise(abort, 'append_only: a step of a plan is never deleted.');
end;
drop trigger plan_steps_guard_update;
alter table plan_steps drop column approved_at;
alter table plan_steps drop column revision;
create trigger plan_steps_guard_update after update on plan_steps
when new.execution <> old.execution
  or new.idx <> old.idx
  or new.step <> old.step
  or new.target <> old.target
  or new.args <> old.args
  or new.effects <> old.effects
  or new.fence < old.fence
  or (old.state = 3 and new.state <> 3)
begin
  select raise(abort, 'plan_fixed: what was planned stays, and a target that has succeeded stays so.');
end;
alter table plans drop column diff;
drop table approvals;
drop index executions_gated;
alter table executions drop column gate;
