const prefix = 'in-process:'

/** Names the incarnation of a worker that lives in the process that holds the store. */
export const inProcessIncarnation = (unique: string): string => `${prefix}${unique}`

/** Such a worker died with its process: whoever holds the store now knows it is gone, on whatever machine it was. */
export const isInProcess = (incarnation: string): boolean => incarnation.startsWith(prefix)
