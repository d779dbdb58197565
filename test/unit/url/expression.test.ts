import { describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { defaultUrlLimits } from '../../../src/url/ast.ts'
import { parseExpression } from '../../../src/url/parse-options.ts'
import { expression } from './dump.ts'

/** [text, tree] */
const trees: readonly (readonly [string, string])[] = [
  // precedence (URL Conventions 5.1.1.17)
  ['a or b and c', '(or a (and b c))'],
  ['a and b or c and d', '(or (and a b) (and c d))'],
  ['(a or b) and c', '(and (or a b) c)'],
  ['a eq 1 add 2 mul 3', '(eq a (add integer<1> (mul integer<2> integer<3>)))'],
  ['a sub b sub c', '(sub (sub a b) c)'],
  ['a div b mul c mod d divby e', '(divby (mod (mul (div a b) c) d) e)'],
  ['a gt b eq c lt d', '(eq (gt a b) (lt c d))'],
  ['not a eq b', '(eq (not a) b)'],
  ['not a in (1,2)', '(not (in a [integer<1> integer<2>]))'],
  ['-a mul b', '(mul (negate a) b)'],
  ['not not a', '(not (not a))'],
  ["not contains(a,'x') and b", '(and (not (contains a string<x>)) b)'],
  ['not(a)', '(not a)'],
  ['a add b has c', '(add a (has b c))'],
  // words in any case (4.01)
  ['a EQ 1 AND b Ne 2 Or NOT c', '(or (and (eq a integer<1>) (ne b integer<2>)) (not c))'],
  ['Contains(a,b) and ToLower(c) eq d', '(and (contains a b) (eq (tolower c) d))'],
  ['matchesPattern(a,b)', '(matchespattern a b)'],
  // words of the grammar as names
  ['eq eq eq', '(eq eq eq)'],
  ['not/x eq in', '(eq not/x in)'],
  ['notes eq android', '(eq notes android)'],
  ['date eq year', '(eq date year)'],
  ['INFO eq nullable', '(eq INFO nullable)'],
  ['null/x', 'null/x'],
  // constants
  ['a eq null', '(eq a null)'],
  ['TRUE eq False', '(eq true false)'],
  // negation and signs
  ['-5', 'integer<-5>'],
  ['+5', 'integer<+5>'],
  ['- 5', '(negate integer<5>)'],
  ['--5', '(negate integer<-5>)'],
  ['-INF', 'double<-INF>'],
  ['-INFO', '(negate INFO)'],
  ['-(a)', '(negate a)'],
  // lists
  ["a in ('x', 'y' )", '(in a [string<x> string<y>])'],
  ['a in ()', '(in a [])'],
  ['a in b/c', '(in a b/c)'],
  ['a in ["x"]', '(in a json<["x"]>)'],
  ['[a,b] in [["x","y"]]', '(in [a b] json<[["x","y"]]>)'],
  // paths
  ['a/NS.T/b', 'a/NS.T/b'],
  ['$it/a eq $this', '(eq $it/a $this)'],
  ["$root/Products('x')/Name", '$root/Products(string<x>)/Name'],
  ['a/$count gt 1', '(gt a/$count integer<1>)'],
  ['a/$filter(b gt 1)/$count', 'a/$filter((gt b integer<1>))/$count'],
  ['a/$count($filter=b gt 1) eq 2', '(eq a/$count((gt b integer<1>)) integer<2>)'],
  ['a/0 eq b/-1', '(eq a/#0 b/#-1)'],
  ['a(1)/b(x=1,y=2)', 'a(integer<1>)/b(x=integer<1> y=integer<2>)'],
  ["NS.F(p='x')(1)/a", 'NS.F(p=string<x>)(integer<1>)/a'],
  ['NS.F()', 'NS.F()'],
  ['a/@Core.X#q/b eq @NS.T', '(eq a/@Core.X#q/b @NS.T)'],
  ['@p', '@p'],
  ['@p/Name', '@p/Name'],
  ['größe/日本 eq 1', '(eq größe/日本 integer<1>)'],
  // lambdas
  ['a/any()', 'a/any()'],
  ['a/ANY( x : x/b eq 1 )', 'a/any(x: (eq x/b integer<1>))'],
  ['a/all(x:x/b/any(y:y eq x))', 'a/all(x: x/b/any(y: (eq y x)))'],
  // case, cast, isof
  ['case(a gt 0:1,true:0)', '(case (gt a integer<0>):integer<1> true:integer<0>)'],
  ['case(a:10:20:30,b:c)', '(case a:timeOfDay<10:20:30> b:c)'],
  ['cast(Edm.String)', '(cast type<Edm.String>)'],
  ['cast(a,Edm.String) eq b', '(eq (cast a type<Edm.String>) b)'],
  ["cast(a,'Edm.String')", '(cast a type<Edm.String>)'],
  ["isof('NS.T')", '(isof type<NS.T>)'],
  ["isof(a, 'Collection(Edm.Int32)' )", '(isof a type<Collection(Edm.Int32)>)'],
  ['isof(a,Collection(NS.T))', '(isof a type<Collection(NS.T)>)'],
  ['isof(a/b,NS.T)', '(isof a/b type<NS.T>)'],
  ["cast('x',Edm.Date)", '(cast string<x> type<Edm.Date>)'],
  // functions
  ['now()', '(now)'],
  ['now( )', '(now)'],
  ["geo.distance(a,geography'SRID=0;Point(1 2)')", '(geo.distance a geography<SRID=0;Point(1 2)>)'],
  ['concat(concat(a,b),c)', '(concat (concat a b) c)'],
]

describe('commonExpr', () => {
  for (const [text, tree] of trees) it(text, () => expect(expression(text)).toBe(tree))

  it('balances long chains, so that no later stage meets a deep tree', () => {
    const text = Array.from({ length: 300 }, (_, i) => `a eq ${i}`).join(' or ')
    const { expression: tree, literals } = parseExpression(text, defaultUrlLimits)
    const depth = (node: unknown): number =>
      typeof node === 'object' && node !== null && 'left' in node && 'right' in node
        ? 1 + Math.max(depth(node.left), depth(node.right))
        : 0
    expect(depth(tree)).toBeLessThan(12)
    expect(literals.map((token) => token.text)).toEqual(Array.from({ length: 300 }, (_, i) => String(i)))
  })

  it('numbers literals in the order of the text', () => {
    const { expression: tree, literals } = parseExpression("a eq 'x' and b in (1,2)", defaultUrlLimits)
    expect(literals.map(({ literal, text, offset, length }) => [literal, text, offset, length])).toEqual([
      ['string', 'x', 5, 3],
      ['integer', '1', 19, 1],
      ['integer', '2', 21, 1],
    ])
    expect(tree).toMatchObject({ offset: 0, length: 23, left: { right: { slot: 0 } }, right: { right: { length: 5 } } })
  })
})

/** [text, what the message says, position] */
const faults: readonly (readonly [string, RegExp, number])[] = [
  ['', /Expected a value, a property or a function, found the end/, 0],
  ['a eq', /found the end/, 4],
  ['a eqq 1', /found 'eqq' \(did you mean 'eq'\?\)/, 2],
  ['a eq 1 annd b', /did you mean 'and'/, 7],
  ['(a eq 1', /Expected an operator or '\)', found the end/, 7],
  ['a eq 1)', /Expected an operator or the end, found '\)'/, 6],
  ['a b', /Expected an operator or the end, found 'b'/, 2],
  ['a/', /Expected a property/, 2],
  ['a//b', /Expected a property/, 2],
  ['a eq .5', /found '\.'/, 5],
  ['any(x:x)', /Expected a collection and a slash before any/, 3],
  ['a/all()', /name of a lambda variable/, 6],
  ['a/any(x)', /Expected ':' after the lambda variable/, 7],
  ['a in (1,)', /found '\)'/, 8],
  ['a in (1', /Expected ',' or '\)' in the list/, 7],
  ['$that/x', /Expected '\$it', '\$this', '\$these' or '\$root', found '\$'/, 0],
  ['$root', /Expected '\/' after \$root/, 5],
  ['a/$cnt', /'\$count', '\$filter'/, 2],
  ['cast(a,1)', /Expected a type name/, 7],
  ['case(a)', /Expected ':' after the condition/, 6],
  ['@', /Expected a name after '@'/, 1],
  ['a/@b#', /Expected a qualifier/, 5],
  ['a eq "x"', /Expected a value/, 5],
  ['a\neq 1', /Expected an operator/, 1],
  ['a eq 1;b', /found ';'/, 6],
  ['contains(a b)', /Expected an operator, ',' or '\)', found 'b'/, 11],
  ['a/99999999999999999999', /Expected a position/, 2],
  ['a/$count($top=1)', /\$top cannot stand here/, 9],
]

describe('faults of expressions', () => {
  for (const [text, message, offset] of faults) {
    it(JSON.stringify(text), () => {
      let fault: unknown
      try {
        expression(text)
      } catch (error) {
        fault = error
      }
      expect(fault).toBeInstanceOf(ODataError)
      if (!(fault instanceof ODataError)) return
      expect(fault.message).toMatch(message)
      expect(fault.target).toBe('$filter')
      expect(fault.status).toBe(400)
      expect(fault.position?.offset).toBe(offset)
    })
  }
})
