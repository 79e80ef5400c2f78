/** Codes of the one table in `codes.ts`: who may do what, and how that is changed. */
export const rightsCodes = {
  not_permitted: {
    http: 403,
    exit: 4,
    why: 'The principal lacks the permission for this command.',
    next: 'Ask somebody who has the permission, or ask for the role that holds it.',
  },
  right_lost: {
    http: 403,
    exit: 4,
    why: 'Whoever asked for the execution may not have its action run any more.',
    next: 'Grant the right again with `pawl role grant` and redrive it, or run it in your own name with `pawl rerun`.',
  },
  unknown_role: {
    http: 404,
    exit: 3,
    why: 'No role with this name is built in or was defined in the tenant.',
    next: 'List the roles with `pawl role list`, or define one with `pawl role define`.',
  },
  unknown_permission: {
    http: 422,
    exit: 2,
    why: 'A role names a permission that does not exist.',
    next: 'Correct the name; docs/reference/permissions.md lists all of them.',
  },
  invalid_pattern: {
    http: 422,
    exit: 2,
    why: 'A grant is narrowed to something that nothing can match.',
    next: 'Give an exact name, or its beginning and a star such as `quote:*` or `crm.*`; `pawl action list` names all actions.',
  },
  grant_exceeds_kind: {
    http: 422,
    exit: 2,
    why: 'The role holds more than a principal of this kind may ever do.',
    next: 'Agents submit, watch and cancel what they asked for; workers speak the worker protocol. Grant a role within that.',
  },
  grant_exceeds_own: {
    http: 403,
    exit: 4,
    why: 'Nobody gives or takes back more than he holds himself.',
    next: 'Ask somebody who holds all of it, or narrow it to what you hold.',
  },
  last_admin: {
    http: 409,
    exit: 5,
    why: 'After this change nobody of the tenant could grant a role any more.',
    next: 'Give somebody else the role admin and a token first.',
  },
} as const
