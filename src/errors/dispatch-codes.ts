/** The refusals of dispatch through Redis, in the manner of `codes.ts`. */
export const dispatchCodes = {
  redis_driver_missing: {
    http: 500,
    exit: 1,
    why: 'Dispatch through Redis is asked for, and its driver is not installed.',
    next: 'Install it beside Pawl with `npm install bullmq ioredis`.',
  },
  redis_denied: {
    http: 503,
    exit: 1,
    why: 'Redis does not accept the user and password of its address, or the user may not do what is needed.',
    next: 'Correct user and password in PAWL_REDIS_URL, or the rights of the user: all commands on the keys of the prefix.',
  },
  redis_too_old: {
    http: 503,
    exit: 1,
    why: 'BullMQ needs commands that this version of Redis does not have.',
    next: 'Use Redis 6.2 or later, or leave PAWL_REDIS_URL unset: work is then found in the store.',
  },
  redis_evicts: {
    http: 503,
    exit: 1,
    why: 'A Redis that throws keys away when its memory is full breaks the queues of BullMQ.',
    next: 'Set maxmemory-policy to noeviction (redis-cli config set maxmemory-policy noeviction, and in redis.conf).',
  },
  redis_cluster: {
    http: 503,
    exit: 1,
    why: 'The server is a part of a Redis cluster, and dispatch speaks to one server.',
    next: 'Use a server that is not a cluster, with a replica for failover.',
  },
  redis_read_only: {
    http: 503,
    exit: 1,
    why: 'The server is a replica and takes no writes.',
    next: 'Point PAWL_REDIS_URL to the primary.',
  },
  redis_taken: {
    http: 503,
    exit: 1,
    why: 'Another store dispatches under the same prefix of this Redis; the two would take each other’s hints.',
    next: 'Give each store a prefix of its own, as in `PAWL_REDIS_URL=redis://…?prefix=name`.',
  },
} as const
