-- Roles and row security. What each role may do with each table follows from one declaration (privileges.ts) and is set anew
-- whenever that or a table changes; this number keeps versions away that know of no roles.
comment on table migrations is null;
