/** A stored value as people are shown it. What is no JSON is shown as the text that it is: somebody has to see it. */
export function shown(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}
