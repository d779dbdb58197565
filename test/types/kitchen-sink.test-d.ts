import { createService, type Model, ODataController, type OperationHandler, type Store } from 'odatum'
import type {
  BorrowOfToolParameters,
  BorrowOfToolResult,
  CircleCreate,
  Color,
  DrillCreate,
  Everything,
  EverythingCreate,
  GeoJson,
  KitchenControllers,
  KitchenOperations,
  NearestByToCountParameters,
  Person,
  PowerTool,
  PriceOfToolResult,
  ResetOfThingsParameters,
  Shape,
  Tool,
  ToolCreate,
  ToolUpdate,
} from './kitchen-sink.ts'

/** Hierarchies are unions that `@odata.type` tells apart. */
export function radius(shape: Shape): number {
  switch (shape['@odata.type']) {
    case '#odatum.kitchen.Circle':
      return shape.Radius
    case '#odatum.kitchen.Polygon':
      return shape.Corners.length
    // @ts-expect-error: abstract, so no value is of this type itself
    case '#odatum.kitchen.Shape':
      return 0
  }
}

class Tools extends ODataController<Tool, ToolCreate, ToolUpdate> {
  override beforeCreate(tool: ToolCreate) {
    if (tool['@odata.type'] === '#odatum.kitchen.PowerTool') return { Watts: Math.max(tool.Watts ?? 0, 1) }
    // @ts-expect-error: only some tools have it
    tool.Watts
    return undefined
  }

  override afterUpdate(tool: Tool) {
    if (tool['@odata.type'] === '#odatum.kitchen.Tool') return
    // open types hold more than they declare
    const dynamic: unknown = tool.anything
    void dynamic
  }
}
export const controllers: Partial<{ [Name in keyof KitchenControllers]: new () => KitchenControllers[Name] }> = {
  Tools,
}

// what the sub-type redefines counts
export const circleOnly: ToolCreate['Shape'] = {
  '@odata.type': '#odatum.kitchen.Circle',
  Radius: 1,
} satisfies CircleCreate
// @ts-expect-error: a tool's shape is a circle
export const noPolygon: ToolCreate['Shape'] = { '@odata.type': '#odatum.kitchen.Polygon', Corners: [] }
export const drill: DrillCreate = { '@odata.type': '#odatum.kitchen.Drill', Bits: [1, 2] }
export const powerTool: PowerTool['@odata.type'] = '#odatum.kitchen.Drill'

type Of<Name extends keyof Everything> = Everything[Name]
export const values: Partial<Everything> = {
  Binary: new Uint8Array(),
  DateTimeOffset: '2000-01-01T00:00:00Z',
  Decimal: '1.5',
  Double: 1.5,
  Int64: 1n,
  GeographyPoint: { type: 'Point', coordinates: [1, 2] } satisfies GeoJson,
  Color: 'Red' satisfies Color,
  Access: 'Read,Delete',
  Money: '1.00',
  NullableInts: [1n, null],
}
// @ts-expect-error: a stream has no value here
export type NoStream = Of<'Stream'>
// @ts-expect-error: items are not nullable
export const noNullItems: Of<'Strings'> = [null]
// @ts-expect-error: keys are required
export const noKey: EverythingCreate = {
  Priority: 'Low',
  Circle: { '@odata.type': '#odatum.kitchen.Circle', Radius: 1 },
}

export const borrow: BorrowOfToolParameters = { codes: ['a'], shape: null }
export const borrower: BorrowOfToolResult = {} as Person
export const price: PriceOfToolResult = null
export const optional: ResetOfThingsParameters = {}
export const nearest: NearestByToCountParameters = { to: { type: 'Point', coordinates: [0, 0] }, count: 1 }
type Price = KitchenOperations['odatum.kitchen.Price(odatum.kitchen.Tool,Edm.DateTimeOffset)']
export const at: Price['parameters'] = { at: '2000-01-01T00:00:00Z' }
// @ts-expect-error: required
export const noAt: Price['parameters'] = {}

type Handlers = { readonly [Name in keyof KitchenOperations]?: OperationHandler<KitchenOperations[Name]> }
export const handlers: Handlers = {
  'odatum.kitchen.Price(odatum.kitchen.Tool,Edm.DateTimeOffset)': async ({ at }, context) => {
    const instant: string = at
    const tool: Tool = await context.binding()
    // @ts-expect-error: the binding parameter is none of the others
    context.tool
    return `${tool['@odata.type']}${instant}`.length > 100 ? '1.5' : null
  },
}
export const wrongResult: Handlers = {
  // @ts-expect-error: a decimal is text
  'odatum.kitchen.Price(odatum.kitchen.Tool,Edm.DateTimeOffset)': () => 1.5,
}
// @ts-expect-error: there is no such overload
export const wrongName: Handlers = { 'odatum.kitchen.Price()': () => null }
export const service = (model: Model, store: Store) =>
  createService<KitchenControllers, KitchenOperations>({ model, store, operations: handlers })
