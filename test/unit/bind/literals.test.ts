import { describe, expect, it } from 'vitest'
import { bindUrl, filterOf, filterRefusal } from './shop.ts'

const guid = 'f98b7e83-6b0c-4b1a-b1a3-9f0e5f5a1111'

describe('the type a literal takes', () => {
  it.each([
    ['status eq 1', '(status eq #0:Edm.Int32)'],
    ['1 eq status', '(#0:Edm.Int32 eq status)'],
    ['status eq 3000000000', '(Edm.Int64(status) eq #0:Edm.Int64)'],
    ['byte eq 300', '(Edm.Int32(byte) eq #0:Edm.Int32)'],
    ['small eq -40000', '(Edm.Int32(small) eq #0:Edm.Int32)'],
    ['big eq 1', '(big eq #0:Edm.Int64)'],
    ['big eq 99999999999999999999', '(Edm.Decimal(big) eq #0:Edm.Decimal)'],
    ['status gt 1.5', '(Edm.Decimal(status) gt #0:Edm.Decimal)'],
    ['status gt 1e0', '(Edm.Double(status) gt #0:Edm.Double)'],
    ['price gt 1', '(price gt #0:Edm.Decimal)'],
    ['price gt 1.5', '(price gt #0:Edm.Decimal)'],
    ['price gt 1e2', '(price gt #0:Edm.Decimal)'],
    ['cost eq 1', '(cost eq #0:Edm.Decimal)'],
    ['weight eq 1', '(weight eq #0:Edm.Double)'],
    ['weight eq 1.5', '(weight eq #0:Edm.Double)'],
    ['weight lt INF', '(weight lt #0:Edm.Double)'],
    ['single eq 1.1', '(single eq #0:Edm.Single)'],
    ["name eq 'a'", '(name eq #0:Edm.String)'],
    [`guid eq ${guid}`, '(guid eq #0:Edm.Guid)'],
    [`guid eq '${guid}'`, '(guid eq #0:Edm.Guid)'],
    ['created gt 2020-01-01T00:00:00Z', '(created gt #0:Edm.DateTimeOffset)'],
    ['created gt 2020-01-01', '(created gt #0:Edm.DateTimeOffset)'],
    ['day eq 2020-01-01', '(day eq #0:Edm.Date)'],
    ['at eq 12:30', '(at eq #0:Edm.TimeOfDay)'],
    ["span gt duration'PT1H'", '(span gt #0:Edm.Duration)'],
    ["span gt 'PT1H'", '(span gt #0:Edm.Duration)'],
    ["blob eq binary'AA'", '(blob eq #0:Edm.Binary)'],
    ["color eq s.Color'Red'", '(color eq #0:my.shop.Color)'],
    ["color eq my.shop.Color'Red,Green'", '(color eq #0:my.shop.Color)'],
    ["color eq 'Red'", '(color eq #0:my.shop.Color)'],
    ['color eq 3', '(color eq #0:my.shop.Color)'],
    ['1 eq 1.5', '(Edm.Decimal(#0:Edm.Int32) eq #1:Edm.Decimal)'],
    ['category/dyn eq 5', '(category/?dyn eq #0:Edm.Int32)'],
    ["category/dyn eq s.Size'Small'", '(category/?dyn eq #0:my.shop.Size)'],
    ['numbers eq [1,2]', '(numbers eq #0:Collection(Edm.Int32))'],
  ])('%s', (filter, bound) => {
    expect(filterOf(filter)).toBe(bound)
  })

  it('reads a date that meets DateTimeOffset as midnight UTC', () => {
    const { parameters } = bindUrl('Products?$filter=created gt 2020-01-02'.replaceAll(' ', '%20'))
    expect(parameters).toEqual([{ kind: 'dateTimeOffset', ms: Date.UTC(2020, 0, 2), sub: 0, offset: 0, digits: 0 }])
  })

  it.each([
    ["status eq 'x'", "'eq' cannot compare Edm.Int32 with the string 'x'. Write Edm.Int32 literals without quotes."],
    ['name eq 5', "'eq' cannot compare Edm.String with the number 5. Write string literals in single quotes."],
    ["created gt '2020-01-01T00:00:00Z'", 'Write Edm.DateTimeOffset literals without quotes.'],
    ['flag eq 1', "'eq' cannot compare Edm.Boolean with the number 1."],
    [`status eq ${guid}`, `'eq' cannot compare Edm.Int32 with the Guid ${guid}.`],
    ["color eq s.Size'Small'", "'eq' cannot compare my.shop.Color with the enumeration Small."],
    ['day eq 2020-01-01T00:00:00Z', "'eq' cannot compare Edm.Date with the date and time"],
    ["address eq 'x'", "'eq' cannot compare my.shop.Address with the string 'x'."],
    ["tags eq 'x'", "'eq' cannot compare Collection(Edm.String) with the string 'x'."],
  ])('refuses %s', (filter, message) => {
    const refused = filterRefusal(filter)
    expect(refused).toMatch(/^typeMismatch \$filter: /)
    expect(refused).toContain(message)
  })

  it('refuses an enumeration type that does not exist', () => {
    expect(filterRefusal("category/dyn eq s.Colour'Red'")).toBe(
      "nameNotFound $filter: The type 's.Colour' does not exist.",
    )
  })

  it('refuses a JSON literal that nothing gives a type', () => {
    expect(filterRefusal('[1] eq [1]')).toMatch(/^notImplemented /)
    expect(filterRefusal('status eq {"city":"x"}')).toMatch(/^typeMismatch /)
  })
})
