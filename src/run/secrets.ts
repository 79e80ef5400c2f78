import { AuthError } from '../errors/failures.ts'

/** Gives the values of the named secrets of a tenant, at the moment of a claim; what is not set is left out. */
export type SecretSource = (tenant: string, names: readonly string[]) => Promise<Readonly<Record<string, string>>>

export interface Unlocked {
  readonly values: Readonly<Record<string, string>>
  /** Takes the values out of a text, in the forms in which they leak: as they are, and as URL, JSON or base64 carry them. */
  mask(text: string): string
}

/** Shorter values would blacken half of any text, and masking them hides nothing. */
const maskedCharactersMin = 8
const nothing: Unlocked = { values: Object.freeze({}), mask: (text) => text }

/**
 * The declared secrets, and only those.
 *
 * @throws AuthError naming what is not set.
 */
export async function unlock(
  source: SecretSource | undefined,
  tenant: string,
  names: readonly string[] = [],
): Promise<Unlocked> {
  if (names.length === 0) return nothing
  const given = source === undefined ? {} : await source(tenant, names)
  const missing = names.filter((name) => typeof given[name] !== 'string')
  if (missing.length > 0) throw new AuthError(`Secrets that the action declares are not set: ${missing.join(', ')}.`)
  const values = Object.freeze(Object.fromEntries(names.map((name) => [name, given[name] ?? ''])))
  const forms = Object.values(values)
    .filter((value) => value.length >= maskedCharactersMin)
    .flatMap(formsOf)
    .sort((a, b) => b.length - a.length)
  return { values, mask: (text) => forms.reduce((masked, form) => masked.replaceAll(form, '***'), text) }
}

function formsOf(value: string): string[] {
  const wellFormed = value.toWellFormed()
  const forms = [value, value.trim(), JSON.stringify(value).slice(1, -1), encodeURIComponent(wellFormed)]
  const encoded = [0, 1, 2].map((shift) => base64At(wellFormed, shift))
  return [...new Set([...forms, ...encoded])].filter((form) => form.length >= maskedCharactersMin)
}

/** What a value looks like inside a longer base64 text, at one of three alignments; the ends depend on neighbours. */
function base64At(value: string, shift: number): string {
  const bytes = Buffer.concat([Buffer.alloc(shift), Buffer.from(value, 'utf8')])
  const start = shift === 0 ? 0 : 4
  return bytes.toString('base64').slice(start, Math.floor(bytes.length / 3) * 4)
}
