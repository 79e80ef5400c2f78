import { StringDecoder } from 'node:string_decoder'
import { type Refusal, refuse } from '../errors/refusal.ts'

/** Messages on a stream: one line of JSON each. */
export const frame = (message: unknown): string => `${JSON.stringify(message)}\n`

/** Cuts a stream into messages; what is too long or no JSON ends it. */
export class FrameReader {
  readonly #bytesMax: number
  readonly #decoder = new StringDecoder('utf8')
  #parts: string[] = []
  #length = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** The messages that are complete by now, or why no further message can be read. */
  read(chunk: Uint8Array): readonly unknown[] | Refusal {
    const lines = this.#decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)).split('\n')
    const found: unknown[] = []
    for (const [index, line] of lines.entries()) {
      this.#length += line.length
      if (this.#length > this.#bytesMax) {
        return refuse('input_too_large', `A frame is longer than ${this.#bytesMax} bytes.`)
      }
      this.#parts.push(line)
      if (index === lines.length - 1) break
      const text = this.#parts.join('')
      this.#parts = []
      this.#length = 0
      try {
        found.push(JSON.parse(text))
      } catch {
        return refuse('invalid_json', 'A frame is not JSON.')
      }
    }
    return found
  }
}
