import fc from 'fast-check'
import { expect, it } from 'vitest'
import { refusal } from './requests.ts'

/**
 * A property that cannot be read must not be found out by asking: whatever an expression is made of, one that looks at it anywhere
 * is refused, and one that does not is judged without it.
 */
const hidden = fc.constantFrom(
  "Secret eq 'a'",
  "startswith(Password,'a')",
  'length(Address/Code) gt 3',
  'Secret ne null',
  "Password in ('a','b')",
  "case(Secret eq 'a':true,true:false)",
  "Owner/Items/any(i: i/Secret eq 'a')",
  "Owner/Items/any(i: i/Owner/Items/$count($filter=Password eq 'x') gt 1)",
  "isof(restricted.SpecialItem) and restricted.SpecialItem/Secret eq 'a'",
  "concat(concat(Name,Secret),'x') eq 'ax'",
  "cast(Secret,Edm.String) eq 'a'",
  "Owner/Items/all(i: i/Address/Code ne 'x')",
)
const open = fc.constantFrom(
  "Name eq 'a'",
  'Price gt 3',
  "contains(Address/City,'x')",
  "Tags/any(t: t eq 'a')",
  'Owner/Name ne null',
)

/** A Boolean expression around others. */
function around(leaf: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return fc.letrec<{ tree: string }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc
        .tuple(tie('tree'), open, fc.constantFrom('and', 'or'))
        .map(([left, right, operator]) => `(${left} ${operator} ${right})`),
      fc
        .tuple(open, tie('tree'), fc.constantFrom('and', 'or'))
        .map(([left, right, operator]) => `(${left} ${operator} ${right})`),
      tie('tree').map((inner) => `not (${inner})`),
      tie('tree').map((inner) => `case(${inner}:true,true:false)`),
      tie('tree').map((inner) => `(${inner}) eq true`),
    ),
  })).tree
}

const ways: readonly ((expression: string) => string)[] = [
  (expression) => `GET Free?$filter=${expression}`,
  (expression) => `GET Free/$count?$filter=${expression}`,
  (expression) => `GET Free/$filter(${expression})`,
  (expression) => `GET Free?$orderby=${expression}`,
  (expression) => `GET Free?$compute=${expression} as x&$orderby=x`,
  (expression) => `GET Staff?$expand=Items($filter=${expression})`,
  (expression) => `GET Staff?$expand=Items($orderby=${expression})`,
  (expression) => `GET Staff?$filter=Items/$count($filter=${expression}) gt 0`,
  (expression) => `GET Staff(1)/Items?$filter=${expression}`,
]

it('refuses every expression that looks at what cannot be read, every way it can be asked', () => {
  fc.assert(
    fc.property(around(hidden), fc.constantFrom(...ways), (expression, way) => {
      expect(refusal(way(expression)), way(expression)).toMatch(/^40[045] .*Core\.Permissions$/)
    }),
    { numRuns: 400 },
  )
})

it('allows the same ways of asking for what can be read', () => {
  fc.assert(
    fc.property(around(open), fc.constantFrom(...ways), (expression, way) => {
      expect(refusal(way(expression)), way(expression)).toBe('allowed')
    }),
    { numRuns: 200 },
  )
})

it('refuses it through $it too, also from inside $expand', () => {
  expect(refusal("GET Free?$filter=$it/Secret eq 'a'")).toBe('400 $filter Core.Permissions')
  expect(refusal('GET Free?$expand=Owner($expand=Items($filter=$it/Secret eq Name))')).toBe(
    '400 $expand Core.Permissions',
  )
})
