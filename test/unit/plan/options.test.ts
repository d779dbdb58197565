import { describe, expect, it } from 'vitest'
import type { ResourceKind } from '../../../src/bind/tree.ts'
import { ODataError } from '../../../src/errors/odata-error.ts'
import { checkOptions, legalOptions } from '../../../src/plan/options.ts'
import { defaultUrlLimits, type QueryOptions } from '../../../src/url/ast.ts'
import { parseQueryOptions } from '../../../src/url/parse-options.ts'

/**
 * The truth table, written a second time by hand: x where the option means something on the resource when it is read
 * (Protocol 11.2.1; URL Conventions 5.1). Columns: the options, in the order of `columns`.
 */
const columns =
  'filter search orderby select expand compute apply top skip count index skiptoken deltatoken id format schemaversion'.split(
    ' ',
  )
// biome-ignore format: a table
const table: Readonly<Record<ResourceKind, string>> = {
  //                    filter search orderby select expand compute apply top skip count index skiptoken deltatoken id format schemaversion
  serviceDocument:     '- - - - - - - - - - - - - - x x',
  metadata:            '- - - - - - - - - - - - - - x x',
  batch:               '- - - - - - - - - - - - - - x x',
  entityId:            '- - - x x x - - - - - - - x x x',
  all:                 'x x x x x x x x x x - x x - x x',
  crossjoin:           'x x x x x x x x x x - x x - x x',
  entityCollection:    'x x x x x x x x x x - x x - x x',
  entity:              '- - - x x x - - - - - - - - x x',
  singleton:           '- - - x x x - - - - - - - - x x',
  primitive:           '- - - - - - - - - - - - - - x x',
  primitiveCollection: 'x x x - - x - x x x - - - - x x',
  complex:             '- - - x x x - - - - - - - - x x',
  complexCollection:   'x x x x x x - x x x - - - - x x',
  stream:              '- - - - - - - - - - - - - - x x',
  untyped:             '- - - - - - - - - - - - - - x x',
  eachEntity:          '- - - - - - - - - - - - - - x x',
  eachItem:            '- - - - - - - - - - - - - - x x',
  rawValue:            '- - - - - - - - - - - - - - x x',
  mediaStream:         '- - - - - - - - - - - - - - x x',
  count:               'x x - - - - x - - - - - - - x x',
  reference:           '- - - - - - - - - - - - - x x x',
  referenceCollection: 'x x x - - - - x x x - x - x x x',
  actionCall:          '- - - x x x - - - - - - - - x x',
  actionImport:        '- - - x x x - - - - - - - - x x',
}

/** Options with this one given; what its value is does not matter here. */
const having = (name: string): QueryOptions => ({ [name]: 'given' }) as unknown as QueryOptions

const refusal = (resource: ResourceKind, options: QueryOptions, reading: boolean): ODataError | undefined => {
  try {
    checkOptions(resource, options, reading)
  } catch (error) {
    if (error instanceof ODataError) return error
    throw error
  }
  return undefined
}

describe('which option is legal on which resource', () => {
  it('has a row for every kind of resource', () => {
    expect(Object.keys(legalOptions).sort()).toEqual(Object.keys(table).sort())
  })

  const cells = Object.entries(table).flatMap(([resource, row]) =>
    row.split(' ').map((mark, i) => [resource as ResourceKind, columns[i] ?? '', mark === 'x'] as const),
  )
  it.each(cells)('%s $%s: %s', (resource, option, legal) => {
    const error = refusal(resource, having(option), true)
    if (legal) expect(error).toBeUndefined()
    else expect(error).toMatchObject({ code: 'queryOptionNotAllowed', status: 400, target: `$${option}` })
  })

  it('takes what shapes the answer when data is changed, and $index where an entity is added', () => {
    for (const option of columns) {
      const shapes = ['select', 'expand', 'compute', 'format', 'schemaversion'].includes(option)
      expect(refusal('entity', having(option), false) === undefined, option).toBe(shapes)
      expect(refusal('entityCollection', having(option), false) === undefined, option).toBe(
        shapes || option === 'index',
      )
    }
  })

  it('knows every option that the parser reads', () => {
    const query =
      '$filter=true&$search=a&$orderby=a&$select=a&$expand=a&$compute=a add 1 as b&$apply=identity&$top=1&$skip=1&$count=true&$index=1&$skiptoken=x&$deltatoken=x&$id=x&$format=json&$schemaversion=1'
    const read = parseQueryOptions(query.replaceAll(' ', '%20'), { version: '4.01', limits: defaultUrlLimits })
    const given = Object.entries(read).filter(
      ([name, value]) => value !== undefined && !['aliases', 'custom', 'literals', 'shape'].includes(name),
    )
    expect(given.map(([name]) => name).sort()).toEqual([...columns].sort())
  })
})
