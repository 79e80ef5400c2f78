/** A throwaway server of this run alone: nothing of it is left once it is stopped. */
export interface Server {
  readonly url: string
  readonly version: string
  stop(): Promise<void>
}

/** Why a server cannot be had here, in a sentence for the reader of the results. */
export interface Missing {
  readonly missing: string
}

export const isMissing = (found: Server | Missing): found is Missing => 'missing' in found
