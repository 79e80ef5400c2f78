-- Plans of executions can no longer be archived.
drop trigger plan_steps_no_delete on plan_steps;
drop trigger plans_no_delete on plans;
drop function plan_steps_no_delete();
drop function plans_no_delete();
create trigger plans_no_delete before delete on plans
for each row execute function refuse_change('append_only: a plan is never deleted.');
