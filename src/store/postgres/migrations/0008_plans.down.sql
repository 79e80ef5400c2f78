-- Takes the plans away with what they hold.
drop trigger plan_steps_guard_update on plan_steps;
drop trigger plans_no_delete on plans;
drop trigger plans_no_update on plans;
drop table plan_steps;
drop table plans;
drop table plan_step_state;
