import type { FleetProcess, Leader } from '../../store/fleet.ts'

/** What the processes of a fleet say of themselves; none of it is about work. */
export type FleetOrder =
  /** Takes up the duties of the store, or goes on with them; another's are his until his time is over. */
  | {
      readonly kind: 'lead'
      readonly holder: string
      readonly host: string
      readonly pid: number
      /** Null where nobody else can hold the store: whoever led it before does so no longer. */
      readonly leaseMs: number | null
    }
  /** Gives them up, so that somebody else need not wait. */
  | { readonly kind: 'resign'; readonly holder: string }
  /** A process is there: at its start, when it remembers who came before, and every few seconds from then on. */
  | {
      readonly kind: 'present'
      readonly process: Omit<FleetProcess, 'startedAt' | 'seenAt' | 'endedAt' | 'proof'> & {
        /** Null at its start. */
        readonly startedAt: number | null
      }
    }
  /** It ends by itself, or was proven dead: then with what proves it. */
  | { readonly kind: 'departed'; readonly process: FleetProcess; readonly proof: string | null }

export interface FleetAnswers {
  /** Who leads now; `isOwn` when it is who asked. */
  lead: Pick<Leader, 'epoch' | 'until'> & { readonly isOwn: boolean }
  resign: { readonly resigned: boolean }
  present: FleetProcess
  departed: FleetProcess
}
