/** The refusals of approvals, in the manner of `codes.ts`. */
export const approvalCodes = {
  invalid_approval: {
    http: 422,
    exit: 2,
    why: 'The action gives no approval level, or one that it cannot have.',
    next: 'Let `approval` give auto, confirm, plan_review or step_by_step; plan_review needs plan() or `effects`, step_by_step needs plan().',
  },
  approval_not_asked: {
    http: 409,
    exit: 5,
    why: 'The execution, or its steps, need no approval.',
    next: 'See its level with `pawl status <id>`.',
  },
  not_planned: {
    http: 409,
    exit: 6,
    why: 'Nobody has planned the execution yet, so there is nothing to agree to.',
    next: 'Wait for the plan; `pawl why <id>` says what it waits for.',
  },
  plan_changing: {
    http: 409,
    exit: 6,
    why: 'The execution is being planned anew.',
    next: 'Wait for the plan, then look at it again with `pawl plan show <id>`.',
  },
  plan_differs: {
    http: 409,
    exit: 5,
    why: 'The hash is not that of the plan as it is now.',
    next: 'Read the present plan with `pawl plan show <id>`, and approve that one if you agree to it.',
  },
  plan_frozen: {
    http: 409,
    exit: 5,
    why: 'Something of the plan has begun, so it is never made anew.',
    next: 'Cancel the execution and rerun it, or let it end.',
  },
  plan_fixed: {
    http: 409,
    exit: 5,
    why: 'The plan follows from the input alone; planning again would give the same.',
    next: 'Submit the execution with another input.',
  },
  own_request: {
    http: 403,
    exit: 4,
    why: 'Nobody approves what they asked for themselves, unless the rules of the action say so.',
    next: 'Ask somebody else who may approve it.',
  },
  no_vote: {
    http: 403,
    exit: 4,
    why: 'Agents, workers and the engine itself have no vote.',
    next: 'Ask a person who may approve it.',
  },
  not_in_group: {
    http: 403,
    exit: 4,
    why: 'Only members of the groups that the rules name may approve this.',
    next: 'Ask a member of one of the groups; `pawl why <id>` names them.',
  },
  vote_unknown: {
    http: 404,
    exit: 3,
    why: 'There is no such vote on the plan as it is now.',
    next: 'See the votes with `pawl plan show <id>`.',
  },
  approval_missing: {
    http: 409,
    exit: 6,
    why: 'Not enough people have agreed to exactly this plan.',
    next: 'See who is missing with `pawl why <id>`.',
  },
  approval_expired: {
    http: 409,
    exit: 6,
    why: 'The approval was not used in time.',
    next: 'Ask for the approval anew; `pawl why <id>` says from whom.',
  },
  step_not_approved: {
    http: 409,
    exit: 6,
    why: 'The step is not approved yet, and each one needs it.',
    next: 'Approve it with `pawl approve <id> --plan <hash> --step <index>`.',
  },
  effect_not_planned: {
    http: 409,
    exit: 5,
    why: 'The approved plan does not name this effect.',
    next: 'Let plan() name every effect of a step, give the action a new version, and have the new plan approved.',
  },
} as const
