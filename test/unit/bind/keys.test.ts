import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { bindUrl, refusal } from './shop.ts'

const order = 'F98B7E83-6B0C-4B1A-B1A3-9F0E5F5A1111'

function key(url: string): string {
  const { path, values } = bindUrl(url)
  const segment = path.segments.find(({ kind }) => kind === 'key')
  if (segment?.kind !== 'key') throw new Error('no key')
  const names = segment.predicate.key.map(({ alias }) => alias)
  return `${path.signature} ${names.map((name, i) => `${name}=${String(values[segment.predicate.parameters[i] ?? -1])}`).join(' ')}`
}

describe('key predicates', () => {
  it.each([
    ['Products(5)', 'Products(#0) ID=5'],
    ['Products(ID=-5)', 'Products(#0) ID=-5'],
    ['Products(@k)?@k=7', 'Products(#0) ID=7'],
    ["Categories('')", 'Categories(#0) id='],
    ["Categories('a''b%2Fc')", "Categories(#0) id=a'b/c"],
    ["Categories(id='x')", 'Categories(#0) id=x'],
    [`Lines(order=${order},no=3)`, `Lines(#0,#1) order=${order.toLowerCase()} no=3`],
    [`Lines(no=9007199254740993,order='${order}')`, `Lines(#0,#1) order=${order.toLowerCase()} no=9007199254740993`],
    ["Paints('Large')", 'Paints(#0) color=1'],
    ["Paints(s.Size'Large')", 'Paints(#0) color=1'],
    ['Paints(1)', 'Paints(#0) color=1'],
    ["Products(code='x')", 'Products(code=#0) code=x'],
    ["Products(name='n',town='t')", 'Products(town=#0,name=#1) town=t name=n'],
    ["Products/s.Book(code='x')", 'Products/my.shop.Book(code=#0) code=x'],
    ['Products(1)/parts(2)', 'Products(#0)/parts(#1) ID=1'],
  ])('%s', (url, bound) => {
    expect(key(url)).toBe(bound)
  })

  it.each([
    ["Products('x')", "keyInvalid ID: The key property 'ID' is Edm.Int32, and 'x' is none."],
    ['Products(1.5)', "keyInvalid ID: The key property 'ID' is Edm.Int32, and '1.5' is none."],
    ['Products(3000000000)', "keyInvalid ID: The key property 'ID' is Edm.Int32, and '3000000000' is none."],
    ['Products(null)', "keyInvalid ID: The key property 'ID' is Edm.Int32, and null is none."],
    ['Products(true)', "keyInvalid ID: The key property 'ID' is Edm.Int32, and true is none."],
    ['Products([1])', "keyInvalid ID: The key property 'ID' is Edm.Int32, and JSON is none."],
    ['Products(@k)', "keyInvalid ID: The key property 'ID' is Edm.Int32, and null is none."],
    ['Products(@k)?@k=name', "keyInvalid ID: The key property 'ID' is Edm.Int32, and this is none."],
    ['Categories(5)', "keyInvalid id: The key property 'id' is Edm.String, and '5' is none. Strings need quotes."],
    [
      `Categories(${order})`,
      `keyInvalid id: The key property 'id' is Edm.String, and '${order}' is none. Strings need quotes.`,
    ],
    ['Products(ID=5,x=3)', "keyInvalid x: The key of 'my.shop.Product' is (value) or (ID=value)."],
    ['Products(no=5)', "keyInvalid no: The key of 'my.shop.Product' is (value) or (ID=value)."],
    ['Products(ID=5,ID=6)', "keyInvalid ID: The key property 'ID' must not be given twice."],
    ['Products(5,6)', "keyInvalid my.shop.Product: The key of 'my.shop.Product' is (value) or (ID=value)."],
    ['Lines(1)', "keyInvalid my.shop.Line: The key of 'my.shop.Line' has 2 parts: (order=...,no=...)."],
    ['Lines(no=1)', "keyInvalid order: The key of 'my.shop.Line' is (order=...,no=...)."],
    ["Lines(order='x',no=1)", "keyInvalid order: The key property 'order' is Edm.Guid, and 'x' is none."],
    ["Paints('Huge')", "keyInvalid color: The key property 'color' is my.shop.Size, and 'Huge' is none."],
    ["Paints(s.Color'Red')", "keyInvalid color: The key property 'color' is my.shop.Size, and 'Red' is none."],
    ["Products(town='x')", "keyInvalid town: The key of 'my.shop.Product' is (value) or (ID=value)."],
  ])('refuses %s', (url, message) => {
    expect(refusal(url)).toBe(message)
  })
})

describe('keys as segments', () => {
  it.each([
    ['Products/5', 'Products(#0) ID=5'],
    ['Categories/abc', 'Categories(#0) id=abc'],
    ['Categories/a%2Fb', 'Categories(#0) id=a/b'],
    ["Categories/'abc'", "Categories(#0) id='abc'"],
    ['Categories/abc(1)', 'Categories(#0) id=abc(1)'],
    ['Categories/5', 'Categories(#0) id=5'],
    ['Categories/a.b', 'Categories(#0) id=a.b'],
    ['Paints/Large', 'Paints(#0) color=1'],
    ['Products/1/parts/2', 'Products(#0)/parts(#1) ID=1'],
    ['Products/s.Book/5', 'Products/my.shop.Book(#0) ID=5'],
  ])('%s', (url, bound) => {
    expect(key(url)).toBe(bound)
  })

  it('is refused for what is no key', () => {
    expect(refusal('Products/x')).toBe("keyInvalid ID: The key property 'ID' is Edm.Int32, and 'x' is none.")
    expect(refusal('Lines/1')).toBe(
      "keyInvalid my.shop.Line: The key of 'my.shop.Line' must stand in parentheses: (order=...,no=...).",
    )
  })

  it('means the same as parentheses, whatever the key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (id) => {
        fc.pre(!id.startsWith('$'))
        const encoded = encodeURIComponent(id).replaceAll("'", '%27')
        const segment = bindUrl(`Categories/${encoded}/title`)
        const predicate = bindUrl(`Categories('${encoded.replaceAll('%27', '%27%27')}')/title`)
        expect(segment.values).toEqual([id])
        expect(predicate.values).toEqual([id])
        expect(segment.path.signature).toBe(predicate.path.signature)
      }),
    )
  })
})
