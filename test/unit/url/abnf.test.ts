import { existsSync, readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { defaultUrlLimits, type LiteralKind } from '../../../src/url/ast.ts'
import { decodePart } from '../../../src/url/decode.ts'
import { rules } from '../../../src/url/grammar.ts'
import { parseExpression } from '../../../src/url/parse-options.ts'
import { parsePath } from '../../../src/url/parse-path.ts'
import { Budget, Scanner } from '../../../src/url/scanner.ts'
import { shared } from '../../support/shared.ts'
import { options, url } from './dump.ts'

/** The OASIS test cases of the ABNF: each rule that a request can use gives the stated verdict at the stated position. */

const core = shared('abnf/odata-abnf-testcases.json')
const aggregation = shared('abnf/odata-aggregation-testcases.json')

interface Case {
  readonly name: string
  readonly rule: string
  readonly input: string
  readonly failAt?: number
}

type Check = (input: string) => void

/** Positions of a fault count in the decoded value; the cases' count in the whole input. */
class At extends Error {
  readonly at: number
  constructor(at: number) {
    super(`fault at ${at}`)
    this.at = at
  }
}

const limits = defaultUrlLimits
const decode = (input: string) => decodePart(input, false, undefined)

/** A literal of one of these kinds, whole. */
const literal =
  (...kinds: readonly (LiteralKind | 'constant')[]): Check =>
  (input) => {
    const { expression } = parseExpression(decode(input), limits)
    const kind = expression.kind === 'literal' ? expression.token.literal : expression.kind
    if (!kinds.some((wanted) => wanted === kind)) throw new At(0)
  }

const anyExpression: Check = (input) => void parseExpression(decode(input), limits)

/** One or more options; a fault's place is made absolute. */
const optionList: Check = (input) => {
  try {
    options(input)
  } catch (error) {
    if (!(error instanceof ODataError) || error.position === undefined) throw error
    const name = (error.target ?? '').replace(/^\$/, '')
    const found = new RegExp(`(?:^|&)(\\$?${name}(=|$))`, 'i').exec(input)
    throw new At((found?.index ?? 0) + (found?.[1]?.length ?? 0) + error.position.offset)
  }
}

const relativeUrl: Check = (input) => {
  const mark = input.indexOf('?')
  parsePath(mark === -1 ? input : input.slice(0, mark), limits)
  if (mark !== -1) optionList(input.slice(mark + 1))
}

const roots =
  /^https?:\/\/(?:127\.0\.0\.1:8080\/MyService|\[v7\.0\]\/MyService|host\/service|services\.odata\.org\/OData\/OData\.svc|serviceRoot)/

const checks: Readonly<Record<string, Check>> = {
  odataUri: (input) => void url(input.replace(roots, '')),
  odataRelativeUri: relativeUrl,
  resourcePath: relativeUrl,
  binaryLiteral: literal('binary'),
  boolean: literal('constant'),
  date: literal('date'),
  dateTimeOffsetLiteral: literal('dateTimeOffset'),
  durationLiteral: literal('duration'),
  doubleLiteral: literal('decimal', 'double'),
  sbyteLiteral: literal('integer'),
  int16Literal: literal('integer'),
  int32Literal: literal('integer'),
  int64Literal: literal('integer'),
  null: literal('constant'),
  stringLiteral: literal('string'),
  guid: literal('guid'),
  timeOfDayLiteral: literal('timeOfDay'),
  enumLiteral: literal('enum', 'string'),
  primitiveLiteral: anyExpression,
  odataIdentifier: (input) => {
    const scanner = new Scanner(input, undefined, new Budget(limits), rules, [])
    const end = scanner.identifierEnd(0)
    if (end < input.length) throw new At(end)
  },
  propertyPathExpr: anyExpression,
  firstMemberExpr: anyExpression,
  boolCommonExpr: anyExpression,
  boolcommonExpr: anyExpression,
  commonExpr: anyExpression,
  notExpr: anyExpression,
  isofExpr: anyExpression,
  anyExpr: (input) => anyExpression(`Items/${input}`),
  filter: optionList,
  orderby: optionList,
  orderBy: optionList,
  compute: optionList,
  expand: optionList,
  select: optionList,
  search: optionList,
  skiptoken: optionList,
  queryOptions: optionList,
  customQueryOption: optionList,
  systemQueryOption: optionList,
}
for (const kind of ['geography', 'geometry'] as const) {
  for (const shape of ['Collection', 'LineString', 'MultiLineString', 'MultiPoint', 'MultiPolygon', 'Point', 'Polygon'])
    Object.assign(checks, { [kind + shape]: literal(kind) })
}

/** Rules that no part of a URL uses, with the room that has them. */
const elsewhere: Readonly<Record<string, string>> = {
  context: 'context URLs are written, never read',
  header: 'headers are protocol/',
  'request-id': 'headers are protocol/',
  prefer: 'headers are protocol/',
  preference: 'headers are protocol/',
  includeAnnotationsPreference: 'headers are protocol/',
  maxpagesizePreference: 'headers are protocol/',
}
const valueRule = /Value$/

/** Cases whose verdict depends on the names of a model: the syntax is right, bind refuses them. */
const byNames: ReadonlySet<string> = new Set([
  'Model.Rejection',
  'Categories/TheBestProduct()',
  'Categories(1)/Address/$value',
  'Categories(1)/Thumbnail/$value',
  'Products(1)/Model.BestSellingProduct/Model.BestSellingProduct',
  '$apply=aggregate(Sales/Amount sub Sales/Cost with sum as TotalAmount)',
  '$apply=aggregate(Amount)',
  '$apply=groupby((Product/Price/Quantity))',
  '$apply=groupby((Sales/Product/Name))',
  '$apply=join(ShipTo as Detail,identity)',
])

const suites = [
  ['the ABNF test cases', core],
  ['the ABNF test cases of the aggregation extension', aggregation],
] as const
describe.each(suites)('%s', (_title, file) => {
  it.skipIf(existsSync(file))(`needs ${file}`, () => {})
  const cases: readonly Case[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).cases : []
  const tally = new Map<string, { passed: number; failed: number }>()
  const count = (rule: string, passed: boolean): void => {
    const entry = tally.get(rule) ?? { passed: 0, failed: 0 }
    if (passed) entry.passed++
    else entry.failed++
    tally.set(rule, entry)
  }
  afterAll(() => {
    if (process.env.ODATUM_TALLY === undefined) return
    console.log([...tally].map(([rule, { passed, failed }]) => `${rule} ${passed}/${passed + failed}`).join('\n'))
  })

  for (const { rule, input, failAt } of cases) {
    const label = `${rule}: ${input.slice(0, 100)}${failAt === undefined ? '' : ` fails at ${failAt}`}`
    const reason = elsewhere[rule] ?? (valueRule.test(rule) ? 'text forms of values are edm/' : undefined)
    const fragment = input.includes('$metadata#') ? 'a fragment is never sent' : undefined
    const names = byNames.has(input) ? 'depends on names: see the tests of bind/' : undefined
    const why = reason ?? fragment ?? names
    if (why !== undefined) {
      it.skip(`${label} (${why})`, () => {})
      continue
    }
    it(label, () => {
      const check = checks[rule]
      if (check === undefined) throw new Error(`no check for the rule ${rule}`)
      let at: number | undefined
      try {
        check(input)
      } catch (error) {
        if (error instanceof At) at = error.at
        else if (error instanceof ODataError) at = error.position?.offset ?? -1
        else throw error
      }
      count(rule, at === failAt)
      expect(at).toBe(failAt)
    })
  }
})
