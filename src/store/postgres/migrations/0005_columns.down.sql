-- Takes the columns away with what they hold.
drop index requests_parent;
drop index executions_planning;
alter table requests drop column permits;
alter table requests drop column rerun_of;
alter table requests drop column depth;
alter table executions drop column hold_until;
alter table executions drop column idle_since;
alter table executions drop column lone_losses;
alter table executions drop column losses;
alter table executions drop column waiting_on;
alter table executions drop column planning_until;
