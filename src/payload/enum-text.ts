import type { EnumType } from '../edm/model.ts'

/**
 * The JSON content of an enumeration value (JSON Format 7.1): the member's name; of flags the names joined by commas in the
 * order of the model, the fewest that make up the value; the number where no names do.
 */
export function enumText(type: EnumType, value: bigint): string {
  const member = type.members.find((candidate) => candidate.value === value)
  if (member !== undefined) return member.name
  if (!type.flags || value <= 0n) return String(value)
  const names = new Set<string>()
  let rest = value
  // members of several bits first: readWrite rather than read,write
  const bySize = type.members
    .filter((candidate) => candidate.value > 0n)
    .toSorted((a, b) => bits(b.value) - bits(a.value))
  for (const candidate of bySize) {
    if ((candidate.value & value) !== candidate.value || (candidate.value & rest) === 0n) continue
    names.add(candidate.name)
    rest &= ~candidate.value
  }
  if (rest !== 0n) return String(value)
  return type.members.flatMap(({ name }) => (names.has(name) ? [name] : [])).join(',')
}

function bits(value: bigint): number {
  let count = 0
  for (let rest = value; rest > 0n; rest >>= 1n) if (rest & 1n) count++
  return count
}
