-- Takes the plans away with what they hold.
drop trigger plan_steps_guard_update;
drop trigger plans_no_delete;
drop trigger plans_no_update;
drop trigger plans_no_replace;
drop table plan_steps;
drop table plans;
drop table plan_step_state;
