-- Plans of executions can no longer be archived.
drop trigger plan_steps_no_delete;
drop trigger plans_no_delete;
create trigger plans_no_delete before delete on plans
begin
  select raise(abort, 'append_only: a plan is never deleted.');
end;
