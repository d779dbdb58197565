import type { EnumType } from '../../edm/model.ts'
import type { Rule } from './rule.ts'

const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  'Edm.Byte': [0n, 255n],
  'Edm.SByte': [-128n, 127n],
  'Edm.Int16': [-32_768n, 32_767n],
  'Edm.Int32': [-2_147_483_648n, 2_147_483_647n],
  'Edm.Int64': [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
}

const inRange: Rule<EnumType> = {
  name: 'enum-value-in-range',
  section: 'EnumerationTypeMember',
  severity: 'error',
  check(type, { report }) {
    const range = ranges[type.underlying.name]
    if (!range) return
    for (const member of type.members)
      if (member.value < range[0] || member.value > range[1])
        report(member, `${member.value} ('${member.name}') is no value of ${type.underlying.name}.`)
  },
}

const flagsNotNegative: Rule<EnumType> = {
  name: 'enum-flags-not-negative',
  section: 'EnumerationTypeMember',
  severity: 'error',
  check(type, { report }) {
    if (!type.flags) return
    for (const member of type.members)
      if (member.value < 0n) report(member, `'${member.name}' is a flag and must not be negative.`)
  },
}

const flagsAreBits: Rule<EnumType> = {
  name: 'enum-flags-are-bits',
  section: 'FlagsEnumerationType',
  severity: 'warning',
  check(type, { report }) {
    if (!type.flags) return
    let bits = 0n
    for (const { value } of type.members) if (value > 0n && (value & (value - 1n)) === 0n) bits |= value
    for (const member of type.members)
      if (member.value > 0n && (member.value & ~bits) !== 0n)
        report(member, `'${member.name}' (${member.value}) has bits that no member of '${type.name}' has alone.`)
  },
}

export const enumRules = { enum: [inRange, flagsNotNegative, flagsAreBits] } as const
