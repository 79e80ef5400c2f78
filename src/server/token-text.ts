import type { Random } from '../identity/random.ts'
import { sha256 } from '../json/hash.ts'

const digits = '0123456789abcdefghijklmnopqrstuvwxyz'
const letters = `${digits}ABCDEFGHIJKLMNOPQRSTUVWXYZ`
/** 62^32 is more than 190 bits. */
const secretLength = 32
const checksumLength = 6
const shape = new RegExp(`^pawl_([0-9a-z]{12})_([0-9A-Za-z]{${secretLength}})([0-9A-Za-z]{${checksumLength}})$`)

export interface TokenText {
  readonly id: string
  /** SHA-256 of the secret part. */
  readonly hash: string
}

/** `pawl_<id>_<secret><checksum>`: the id finds the row, the checksum lets scanners and typing errors be told from tokens. */
export function newTokenText(
  random: Random,
  id: string = draw(random, digits, 12),
): TokenText & { readonly text: string } {
  const secret = draw(random, letters, secretLength)
  return { id, hash: sha256(secret), text: `pawl_${id}_${secret}${checksum(id, secret)}` }
}

/** Takes a token apart; null if it was never one. */
export function readTokenText(text: string): TokenText | null {
  const [, id, secret, check] = shape.exec(text) ?? []
  if (id === undefined || secret === undefined || check !== checksum(id, secret)) return null
  return { id, hash: sha256(secret) }
}

function draw(random: Random, alphabet: string, length: number): string {
  return Array.from({ length }, () => alphabet[random.int(alphabet.length)]).join('')
}

function checksum(id: string, secret: string): string {
  let rest = Number.parseInt(sha256(`${id}_${secret}`).slice(0, 12), 16)
  return Array.from({ length: checksumLength }, () => {
    const letter = letters[rest % letters.length]
    rest = Math.floor(rest / letters.length)
    return letter
  }).join('')
}
