-- Takes the policies away with what they hold.
drop view timeout_policies_in_force;
drop table timeout_policies;
