import { describe, expect, it } from 'vitest'
import { readModel } from '../../../../src/csdl/read-model.ts'
import { ODataError } from '../../../../src/errors/odata-error.ts'
import { type ReadEntityOptions, readEntity } from '../../../../src/payload/read-entity.ts'

const model = await readModel('test/models/validated.xml')
const thing = model.types.get('validated.Thing')
if (thing?.kind !== 'entity') throw new Error('the model has no Thing')

function read(body: object, more: Partial<ReadEntityOptions> = {}) {
  const whole = more.mode === 'merge' ? body : { ID: 1, Tags: ['a'], Reason: 'because', ...body }
  return readEntity(Buffer.from(JSON.stringify(whole)), {
    model,
    type: thing as never,
    mode: 'create',
    version: '4.01',
    keyByService: false,
    ...more,
  })
}

/** `target: term` of each fault; empty where the body is fine. */
function faults(body: object, more: Partial<ReadEntityOptions> = {}): readonly string[] {
  try {
    read(body, more)
    return []
  } catch (error) {
    if (!(error instanceof ODataError)) throw error
    const all = error.details.length > 0 ? error.details : [error]
    return all.map(
      ({ target, message }) =>
        `${target}: ${/\(((?:Validation|Core|Capabilities)\.[\w., /]+)\)/.exec(message)?.[1] ?? message}`,
    )
  }
}

describe('values of properties', () => {
  it.each([
    ['Count', 1, undefined],
    ['Count', 9, undefined],
    ['Count', 0, 'Validation.Minimum'],
    ['Count', 10, 'Validation.Maximum, Exclusive'],
    ['Count', null, undefined],
    ['Price', 0.05, undefined],
    ['Price', 0.1, undefined],
    ['Price', 0, 'Validation.Minimum'],
    ['Price', 0.07, 'Validation.MultipleOf'],
    ['Price', '123456789012345678.05', undefined],
    ['Price', '123456789012345678.06', 'Validation.MultipleOf'],
    ['Weight', 2.5, undefined],
    ['Weight', 2.6, 'Validation.Maximum'],
    ['Weight', 'INF', 'Validation.Maximum'],
    ['Weight', 'NaN', 'Validation.Maximum'],
    ['Day', '2020-01-01', undefined],
    ['Day', '2019-12-31', 'Validation.Minimum'],
    ['Wait', 'PT2M', undefined],
    ['Wait', 'PT2M1S', 'Validation.MultipleOf'],
    ['Code', 'AB-12', undefined],
    ['Code', 'ab-12', 'Validation.Pattern'],
    ['Code', 'AB-12\nx', 'Validation.Pattern'],
    ['Color', 'Red', undefined],
    ['Color', 'Green', 'Validation.AllowedValues'],
    ['Grade', 'A', undefined],
    ['Grade', 'C', 'Validation.AllowedValues'],
    ['Home', 'https://example.org/a?b=c', undefined],
    ['Home', '../relative', undefined],
    ['Home', 'two words', 'Core.IsURL'],
    ['Home', 'http://[bad', 'Core.IsURL'],
    ['Media', 'text/plain;charset=utf-8', undefined],
    ['Media', 'text', 'Core.IsMediaType'],
  ])('%s: %j', (name, value, term) => {
    expect(faults({ [name]: value })).toEqual(term === undefined ? [] : [`${name}: ${term}`])
    expect(faults({ [name]: value }, { mode: 'merge' })).toEqual(term === undefined ? [] : [`${name}: ${term}`])
  })

  it('checks collections and their items', () => {
    expect(faults({ Tags: [] })).toEqual(['Tags: Validation.MinItems'])
    expect(faults({ Tags: ['a', 'b', 'c', 'd'] })).toEqual(['Tags: Validation.MaxItems'])
    expect(faults({ Tags: ['a', 'b c', 'd'] })).toEqual(['Tags/1: Validation.Pattern'])
  })

  it('runs patterns in linear time', () => {
    const started = performance.now()
    expect(faults({ Slow: `${'a'.repeat(50_000)}!` })).toEqual(['Slow: Validation.Pattern'])
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  it('tells all faults together', () => {
    expect(faults({ Count: 0, Code: 'x', Span: { From: '2020-02-01', To: '2020-01-01' } })).toEqual([
      'Span: Validation.Constraint',
      'Count: Validation.Minimum',
      'Code: Validation.Pattern',
    ])
  })

  it('ignores what clients must not write', () => {
    expect([...read({ Given: 'x' }).members.keys()]).not.toContain('Given')
  })
})

describe('Validation.Constraint', () => {
  it('judges the whole of a new value, and says the message of the model', () => {
    expect(faults({ Span: { From: '2020-01-01', To: '2020-01-01' } })).toEqual([])
    expect(faults({ Span: { From: '2020-01-01' } })).toEqual([])
    expect(() => read({ Span: { From: '2020-01-02', To: '2020-01-01' } })).toThrow(
      'A span must not end before it starts.',
    )
    expect(faults({ Count: 6, Reason: null })).toEqual(['Reason: Validation.Constraint'])
    expect(faults({ Count: 6, Reason: 'because' })).toEqual([])
    expect(faults({ Count: 5, Reason: null })).toEqual([])
    expect(faults({ Count: 6, Reason: undefined }), 'what is left out is null').toEqual([
      'Reason: Validation.Constraint',
    ])
  })

  it('judges a merge where it holds what the condition looks at', () => {
    expect(faults({ Reason: null, Count: 6 }, { mode: 'merge' })).toEqual(['Reason: Validation.Constraint'])
    expect(faults({ Reason: null }, { mode: 'merge' })).toEqual([])
  })
})

describe('types', () => {
  it('keeps to Validation.DerivedTypeConstraint', () => {
    expect(faults({ Shape: { '@odata.type': '#validated.Circle', Radius: 1 } })).toEqual([])
    expect(faults({ Shape: { '@odata.type': '#validated.Square', Side: 1 } })).toEqual([
      'Shape: Validation.DerivedTypeConstraint',
    ])
    const conditions = {
      rules: { refused: [], required: [], types: ['validated.SpecialThing'] },
      purpose: 'create',
    } as const
    expect(faults({ '@odata.type': '#validated.SpecialThing' }, { conditions })).toEqual([])
    expect(faults({}, { conditions })).toEqual(['@odata.type: Validation.DerivedTypeConstraint'])
  })

  it('keeps to Validation.OpenPropertyTypeConstraint', () => {
    expect(faults({ more: 'x' })).toEqual([])
    expect(faults({ more: ['x'] })).toEqual([])
    expect(faults({ 'more@odata.type': '#Date', more: '2020-01-01' })).toEqual([])
    expect(faults({ more: 1 })).toEqual(['more: Validation.OpenPropertyTypeConstraint'])
    expect(faults({ 'more@odata.type': '#Guid', more: '00000000-0000-0000-0000-000000000000' })).toEqual([
      'more: Validation.OpenPropertyTypeConstraint',
    ])
  })
})

describe('rules of the plan', () => {
  it('refuses and requires members', () => {
    const conditions = {
      rules: {
        refused: [{ path: ['Span', 'From'], term: 'Capabilities.InsertRestrictions/NonInsertableProperties' }],
        required: [{ path: ['Code'], term: 'Capabilities.InsertRestrictions/RequiredProperties' }],
      },
      purpose: 'create',
    } as const
    expect(faults({ Code: 'AB-1', Span: {} }, { conditions })).toEqual([])
    expect(faults({ Span: { From: '2020-01-01' } }, { conditions })).toEqual([
      'Span/From: Capabilities.InsertRestrictions/NonInsertableProperties',
      'Code: Capabilities.InsertRestrictions/RequiredProperties',
    ])
  })

  it('keeps to the properties that the scopes of the caller give access to', () => {
    const only = { all: false, named: new Set(['ID', 'Tags', 'Reason', 'Count']), excluded: new Set<string>() }
    const conditions = { grants: [{ scheme: 'Delegated', scope: 's', properties: only }], purpose: 'create' } as const
    expect(faults({ Count: 2 }, { conditions })).toEqual([])
    expect(() => read({ Code: 'AB-1' }, { conditions })).toThrow(
      expect.objectContaining({ status: 403, target: 'Code' }),
    )
  })
})
