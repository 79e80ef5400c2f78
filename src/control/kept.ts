import { wholeOf } from '../artifacts/content.ts'
import type { ArtifactStore } from '../artifacts/store.ts'
import { artifactGraceMs, type SweptArtifacts, sweepArtifacts } from '../artifacts/sweep.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { type OpenArtifact, openArtifact, storedResult } from '../projections/artifact.ts'
import { type LogsQuery, logPage } from '../projections/logs.ts'
import { artifactView, type LogLineView } from '../projections/view.ts'
import type { Found, Views } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'

export interface KeptOptions {
  readonly clock: Pick<Clock, 'now'>
  /** Where artifacts and large results lie; their contents cannot be read where there is none. */
  readonly artifacts?: ArtifactStore | undefined
  /** Milliseconds for which a content may wait for its row; an hour by default. */
  readonly graceMs?: number | undefined
}

interface KeptPorts<By> extends KeptOptions {
  readonly views: Views
  /** Finds an execution for whoever may see it. */
  readonly find: (id: string, by: By) => Promise<Found | Refusal>
}

/** What runs leave behind: artifacts, results and what was said. */
export class Kept<By> {
  readonly #options: KeptPorts<By>

  constructor(options: KeptPorts<By>) {
    this.#options = options
  }

  async artifacts(id: string, by: By) {
    const { views, find } = this.#options
    const found = await find(id, by)
    if (isRefusal(found)) return found
    return (found.archived?.artifacts ?? (await views.of(found.execution.tenant).artifacts(found.execution.id))).map(
      artifactView,
    )
  }

  /** The newest content that the execution stored under this name, to be read once. */
  async artifact(id: string, name: string, by: By): Promise<OpenArtifact | Refusal> {
    const { views, find, artifacts } = this.#options
    const found = await find(id, by)
    if (isRefusal(found)) return found
    const all = found.archived?.artifacts ?? (await views.of(found.execution.tenant).artifacts(found.execution.id))
    const kept = all.findLast((each) => each.name === name)
    if (kept === undefined) return refuse('not_found', 'The execution has no artifact with this name.')
    return await openArtifact(kept, artifacts)
  }

  /** The result as it was returned, also where it was too large for its row; null unless the execution succeeded. */
  async result(id: string, by: By): Promise<{ readonly value: unknown } | Refusal> {
    const { views, find } = this.#options
    const found = await find(id, by)
    if (isRefusal(found)) return found
    const outcome =
      found.archived?.outcomes.at(-1) ?? (await views.of(found.execution.tenant).outcome(found.execution.id))
    const value: unknown = JSON.parse(outcome?.result ?? 'null')
    const ref = storedResult(value, outcome?.fingerprint ?? null)
    if (ref === null) return { value }
    const opened = await this.artifact(id, ref.artifact, by)
    if (isRefusal(opened)) return opened
    return { value: JSON.parse((await wholeOf(opened.content)).toString('utf8')) as unknown }
  }

  /** What handlers have said, above `after`. */
  async logs(id: string, query: LogsQuery, by: By): Promise<readonly LogLineView[] | Refusal> {
    const { views, find } = this.#options
    const found = await find(id, by)
    return isRefusal(found) ? found : await logPage(views.of(found.execution.tenant), found, query)
  }

  /** Deletes the contents that no row names, or counts them. */
  async sweep({ dryRun }: { readonly dryRun: boolean }): Promise<SweptArtifacts | Refusal> {
    const { artifacts: store, clock, views, graceMs = artifactGraceMs } = this.#options
    if (store === undefined) return refuse('not_found', 'This server has no artifact store.')
    const named = async (sha256s: readonly string[]) => await views.artifactsNamed(sha256s)
    return await sweepArtifacts({ store, named, now: clock.now(), graceMs, dryRun })
  }
}
