/** Reads server-sent events; a connection that breaks ends the messages. */
export async function* messagesOf<T>(response: Response): AsyncGenerator<T | 'end'> {
  if (response.body === null) return
  const decoder = new TextDecoder()
  let rest = ''
  try {
    for await (const chunk of response.body) {
      const blocks = (rest + decoder.decode(chunk, { stream: true })).split('\n\n')
      rest = blocks.pop() ?? ''
      for (const block of blocks) {
        const lines = block.split('\n')
        if (lines.includes('event: end')) yield 'end'
        const data = lines.filter((line) => line.startsWith('data: ')).map((line) => line.slice(6))
        if (data.length > 0) yield JSON.parse(data.join('\n')) as T
      }
    }
  } catch (thrown) {
    if (thrown instanceof SyntaxError) throw thrown
  }
}
