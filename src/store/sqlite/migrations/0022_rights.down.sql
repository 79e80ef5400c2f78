-- Grants and roles of before are gone; tokens carry their roles as they did.
drop view grants;
drop view principals;
drop table rights;
