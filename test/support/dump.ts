/**
 * A text that is the same for two graphs of objects exactly if they are equal in shape and content, cycles and sharing of
 * elements apart. Linear, where deep equality of vitest and of node:util takes minutes over models.
 */
export function dump(root: unknown): string {
  const numbers = new Map<object, number>()
  const lines: string[] = []
  const queue: object[] = []
  const print = (value: unknown): string => {
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value !== 'object' || value === null) return value === undefined ? 'undefined' : JSON.stringify(value)
    let number = numbers.get(value)
    if (number === undefined) {
      number = numbers.size
      numbers.set(value, number)
      queue.push(value)
    }
    return `#${number}`
  }
  print(root)
  for (const value of queue) {
    if (Array.isArray(value)) lines.push(`[${value.map(print).join()}]`)
    else if (value instanceof Map)
      lines.push(`Map{${[...value].map(([key, item]) => `${print(key)}:${print(item)}`).join()}}`)
    else if (value instanceof Set) lines.push(`Set{${[...value].map(print).join()}}`)
    else {
      const members = Object.entries(value).filter(([, item]) => item !== undefined)
      lines.push(
        `{${members
          .sort(([a], [b]) => (a < b ? -1 : 1))
          .map(([key, item]) => `${key}:${print(item)}`)
          .join()}}`,
      )
    }
  }
  return lines.join('\n')
}
