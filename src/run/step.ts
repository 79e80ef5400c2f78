import type { Artifact } from '../action/action.ts'
import { discard, inlineBytesMax, inlineText } from '../artifacts/content.ts'
import type { ArtifactContent, ArtifactStore } from '../artifacts/store.ts'
import { TerminalError } from '../errors/failures.ts'
import type { StoredArtifact } from '../execution/command.ts'
import { transactionPrefix } from '../execution/decide-fold.ts'
import { sha256 } from '../json/hash.ts'
import { reconciled } from './halt.ts'
import { recorded, replayed } from './recorded-value.ts'
import type { Running } from './running.ts'

/** Runs once and is recorded; a later claim is given the record. */
export async function performStep<T>(
  running: Running,
  name: string,
  now: () => number,
  body: () => T | Promise<T>,
): Promise<T> {
  const { ordinal, recorded: step } = running.journal.nextStep(name)
  if (step !== undefined) return running.decode<T>(`The recorded value of step ${name}`, step.value)
  if (running.reconcileOnly) throw running.stop(reconciled())
  const startedAt = now()
  const value = recorded(await running.chance.within('step', name, ordinal, body), `step ${name}`)
  await running.send({ type: 'record_step', fence: running.fence, name, ordinal, value, startedAt })
  return replayed<T>(value)
}

/** Stores a file, then records it as a step: a recorded artifact is always there. Short text is recorded with its row. */
export async function performArtifact(
  running: Running,
  store: Pick<ArtifactStore, 'put'> | undefined,
  given: { readonly name: string; readonly content: ArtifactContent; readonly mediaType: string },
  now: () => number,
): Promise<Artifact> {
  const name = artifactStep(given.name)
  const { ordinal, recorded: step } = running.journal.nextStep(name)
  if (step !== undefined) {
    discard(given.content)
    return running.decode<Artifact>(`The record of ${name}`, step.value, isArtifact)
  }
  if (running.reconcileOnly) throw running.stop(reconciled())
  if (!mediaType.test(given.mediaType)) {
    throw new TerminalError(`The media type of artifact ${given.name} must be like text/plain.`)
  }
  const startedAt = now()
  const { content, ...artifact } = await keep(given, store)
  const value = recorded(artifact, name)
  const whole: StoredArtifact = content === undefined ? artifact : { ...artifact, content }
  await running.send({ type: 'record_step', fence: running.fence, name, ordinal, value, startedAt, artifact: whole })
  return artifact
}

const isArtifact = ({ name, sha256, bytes, mediaType }: Artifact): boolean =>
  typeof name === 'string' && typeof sha256 === 'string' && typeof bytes === 'number' && typeof mediaType === 'string'

async function keep(
  {
    name,
    content,
    mediaType,
  }: { readonly name: string; readonly content: ArtifactContent; readonly mediaType: string },
  store: Pick<ArtifactStore, 'put'> | undefined,
): Promise<StoredArtifact> {
  const read = await inlineText(content, mediaType)
  if ('text' in read) {
    const { text } = read
    const bytes = Buffer.byteLength(text, 'utf8')
    return { name, mediaType, sha256: sha256(text), bytes, path: null, content: text }
  }
  if (store === undefined) {
    throw new TerminalError(
      `This worker has no place to store artifacts; without one, an artifact is text of at most ${inlineBytesMax} bytes.`,
    )
  }
  return { name, mediaType, ...(await store.put(read.content, { mediaType })) }
}

const artifactPrefix = 'artifact:'
const artifactStep = (name: string): string => `${artifactPrefix}${name}`

const nameCharactersMax = 200
/** Type and subtype of RFC 6838 with parameters, and nothing that could begin another header. */
const mediaType = /^[\w.+-]{1,100}\/[\w.+-]{1,100}(?:;[ \w.=+"-]{1,50})?$/

/** @throws TerminalError when a step or effect cannot have this name. */
export function checkName(
  what: 'step' | 'effect' | 'artifact' | 'sleep' | 'child' | 'transaction',
  name: string,
): void {
  const isText = typeof name === 'string' && name.length > 0 && name.length <= nameCharactersMax && name.isWellFormed()
  if (!isText) throw new TerminalError(`The name of a ${what} must be text of 1 to ${nameCharactersMax} characters.`)
  if (what !== 'step' && what !== 'effect') return
  const reserved = reservedPrefixes.find((prefix) => name.startsWith(prefix))
  if (reserved !== undefined) throw new TerminalError(`The name of a ${what} cannot begin with ${reserved}`)
}

/** Values that stand in for effects of a record-only run are steps of their own. */
export const simulatedPrefix = 'simulated:'

/** Journal names of what is recorded like a step and is none. */
const reservedPrefixes = [artifactPrefix, simulatedPrefix, transactionPrefix, 'sleep:', 'wait:', 'signal:', 'child:']
