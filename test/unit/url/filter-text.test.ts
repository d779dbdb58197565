import fc from 'fast-check'
import { expect, it } from 'vitest'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { type FilterValue, odataFilter } from '../../../src/url/filter-text.ts'
import { parseExpression } from '../../../src/url/parse-options.ts'

it('places values as literals', () => {
  expect(odataFilter`a eq ${"it's"} and b in ${[1, 2n, null]} and c gt ${new Date(0)} and d eq ${true}`).toBe(
    "a eq 'it''s' and b in (1,2,null) and c gt 1970-01-01T00:00:00.000Z and d eq true",
  )
  expect(odataFilter`a eq ${Number.NaN} or a lt ${Number.NEGATIVE_INFINITY} or a eq ${-0}`).toBe(
    'a eq NaN or a lt -INF or a eq -0.0',
  )
})

it('refuses what has no literal', () => {
  for (const value of [undefined, [], {}, Symbol('s')])
    expect(() => odataFilter`a eq ${value as FilterValue}`).toThrow(TypeError)
})

it('makes one literal of every string and number, whatever is in it', () => {
  const values = fc.oneof(fc.string({ unit: 'binary' }), fc.integer(), fc.double(), fc.bigInt())
  fc.assert(
    fc.property(values, (value) => {
      const { expression, literals } = parseExpression(odataFilter`a eq ${value}`, defaultUrlLimits)
      expect(expression).toMatchObject({ kind: 'binary', operator: 'eq' })
      expect(literals).toHaveLength(1)
      if (typeof value === 'string') expect(literals[0]?.text).toBe(value)
    }),
  )
})
