/**
 * Preference include-annotations (Protocol 8.2.8.4; ABNF: includeAnnotationsPreference): which annotations a client wants. Of two
 * patterns that fit a term the more specific one counts: a name before a pattern, a longer pattern before a shorter one.
 */

const item = /^(-)?(\*|(?:[\p{L}_][\p{L}\p{N}_]*\.)*(?:\*|[\p{L}_][\p{L}\p{N}_]*))(?:#([\p{L}_][\p{L}\p{N}_]*))?$/u

interface Pattern {
  readonly wanted: boolean
  /** the term's name, or what its name begins with */
  readonly name: string
  readonly whole: boolean
  readonly qualifier: string | undefined
}

/**
 * Reads the preference's value.
 * @returns undefined where it is malformed: it is only a hint, and a faulty one none
 */
export function parseIncludeAnnotations(value: string): ((term: string, qualifier?: string) => boolean) | undefined {
  const patterns: Pattern[] = []
  for (const part of value.split(',', 100)) {
    const match = item.exec(part.trim())
    if (!match) return undefined
    const [, minus, name = '', qualifier] = match
    const whole = !name.endsWith('*')
    patterns.push({ wanted: minus === undefined, name: whole ? name : name.slice(0, -1), whole, qualifier })
  }
  const rank = ({ name, whole, qualifier }: Pattern): number =>
    (whole ? 10_000 : 0) + name.length * 2 + (qualifier === undefined ? 0 : 1)
  patterns.sort((a, b) => rank(b) - rank(a))
  return (term, qualifier) =>
    patterns.find(
      (pattern) =>
        (pattern.whole ? pattern.name === term : term.startsWith(pattern.name)) &&
        (pattern.qualifier === undefined || pattern.qualifier === qualifier),
    )?.wanted ?? false
}
