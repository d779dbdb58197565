import { fields } from './layout.ts'

/**
 * The fields of objects without a type, whose members may have any name: what MongoDB, the BSON library, JavaScript or odatum give a
 * meaning is written as `%` and two hexadecimal digits, so that no name means anything but itself. Most names are their own fields.
 */

/** Characters that are never part of a field: `.` and `$` are paths and operators, `@` marks names of our own, NUL ends a name. */
const special = /[%.$@\0]/g
/** Names that are taken, by their first character. */
const reserved: ReadonlySet<string> = new Set([fields.id, '__proto__', '_bsontype'])
/** The field of the empty name. */
const empty = '%'

/** The field of a member. */
export function untypedField(name: string): string {
  if (name === '') return empty
  if (reserved.has(name)) return percent(name.charAt(0)) + name.slice(1)
  return name.replace(special, percent)
}

/** The member of a field. */
export function untypedName(field: string): string {
  if (field === empty) return ''
  return field.includes('%')
    ? field.replace(/%([0-9A-F]{2})/g, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)))
    : field
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
