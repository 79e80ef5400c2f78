import { hash } from 'node:crypto'

/** SHA-256 in lowercase hexadecimal; text is hashed as UTF-8. */
export function sha256(data: string | Uint8Array): string {
  return hash('sha256', data)
}

/** Hash of an input, taken over its canonical JSON (RFC 8785). */
export function inputHash(canonical: string): string {
  return sha256(canonical)
}
