import type { MemberStep, Selection } from '../bind/tree.ts'
import type { CollectionLayout } from '../bson/layout.ts'
import type { NavigationProperty, StructuredType, TypeReference } from '../edm/model.ts'
import type { Value } from '../edm/value.ts'

/** How answers are written: what negotiation settled (Protocol 8.1.5, 8.2.1; JSON Format 3). */
export interface JsonDialect {
  /** control information with (`@odata.type`) or without (`@type`) prefix follows from it */
  readonly version: '4.0' | '4.01'
  readonly metadata: 'none' | 'minimal' | 'full'
  /** Int64 and Decimal (and count) as strings */
  readonly ieee754Compatible: boolean
  /** `ExponentialDecimals=true`: decimals may be written with an exponent */
  readonly exponentialDecimals: boolean
  /** the type of every entity is written, not only of derived ones (graph dialect) */
  readonly alwaysType: boolean
  /** Binary in the alphabet of RFC 4648 4 (`+/`: what Graph writes) instead of 5 (`-_`: JSON Format 7.1); both padded */
  readonly plainBase64?: boolean
  /** Binary without `=` at its end (JSON Format 7.1 wants it padded) */
  readonly unpaddedBinary?: boolean
  /** the id of every entity is written at minimal metadata too, not only where its key is left out */
  readonly alwaysId?: boolean
  /** what is left out (Preference omit-values, Protocol 8.2.8.6) */
  readonly omitValues?: 'nulls' | 'defaults' | undefined
  /** instance annotations are left out (Preference include-annotations, Protocol 8.2.8.4) */
  readonly withoutAnnotations?: boolean
  /** absolute service root with trailing slash: what links are made from */
  readonly root: string
}

/** What of a row is written: the type it is declared as, the selection, the expansions. */
export interface RowShape {
  readonly type: StructuredType
  readonly select: Selection | undefined
  readonly expand: readonly ExpandedShape[]
  /** streams whose members come with each row, as its annotations do: names (empty: the media), in complex values behind their path (`cover/art`) */
  readonly inline?: ReadonlySet<string>
  /** name of the entity set or singleton: ids and edit links; undefined for what has none */
  readonly entitySet: string | undefined
  /** operations bound to entities of a type */
  readonly advertised?: (type: StructuredType) => readonly AdvertisedOperation[]
  /** entities say their type and id: nothing around them tells of what kind they are and where they stand (`$all`) */
  readonly standsAlone?: boolean
  /** whether `entitySet` names a singleton: its URL has no key */
  readonly singleton?: boolean
  /** where the rows stand, if that is not the collection of `entitySet`: a contained collection */
  readonly collection?: CollectionLayout
}

/** An operation that full metadata tells of (JSON Format 16, 17): bound to the entity at hand. */
export interface AdvertisedOperation {
  /** control information: `#Namespace.Name`, of overloads with the names of their parameters */
  readonly name: string
  readonly title: string
  /** what the URL of the entity is followed by */
  readonly segment: string
  /** whether a row has it (Core.OperationAvailable); undefined: every one */
  readonly available: ((row: Uint8Array) => boolean) | undefined
}

/** One expanded navigation property of a shape. */
export interface ExpandedShape {
  readonly property: NavigationProperty
  /** complex properties and casts between the row and the property; none: undefined */
  readonly path?: readonly MemberStep[]
  /** whole entities, entity references, or only how many there are */
  readonly as: 'entities' | 'references' | 'count'
  readonly shape: RowShape
}

/** The related entities of one row, for each expanded property of its shape; undefined: the row has no such property. */
export type Related = readonly (RelatedRows | undefined)[]

/** What one navigation property of one row leads to, as far as it is written. */
export interface RelatedRows {
  /** of a single-valued property none or one */
  readonly rows: readonly RelatedRow[]
  /** how many there are, where that was asked for */
  readonly count: number | undefined
  /** absolute URL of the rest of a collection */
  readonly nextLink: string | undefined
  /** of a property in a collection of complex values: what each item has, by its position; nothing else counts then */
  readonly items?: Related
}

/** Further members of a row in this answer, as JSON text without braces: instance annotations, streams. */
export interface RowAnnotations {
  /** of the row itself; empty: none */
  readonly own: string
  /** of complex values in it, by the names that lead there (`home/cover`) */
  readonly inside?: ReadonlyMap<string, string>
}

export interface RelatedRow {
  readonly row: Uint8Array
  readonly related: Related | undefined
  readonly annotations?: RowAnnotations
  /** what $compute defines */
  readonly computed?: readonly ComputedMember[]
}

/** A value that $compute defines, written like a dynamic property. */
export interface ComputedMember {
  readonly name: string
  readonly type: TypeReference | undefined
  readonly value: Value
}

/** A growing UTF-8 buffer, reused between requests. */
export interface ByteSink {
  /** bytes written so far */
  readonly length: number
  /** ASCII text known to need no escape */
  ascii(text: string): void
  bytes(source: Uint8Array, start: number, end: number): void
  byte(value: number): void
  /** whole arrays, such as member names made once */
  raw(bytes: Uint8Array): void
  /** a JSON string, quoted and escaped, from UTF-8 bytes */
  jsonStringFromUtf8(source: Uint8Array, start: number, end: number): void
  /** a JSON string, quoted and escaped */
  jsonString(text: string): void
  /** a safe integer in decimal digits */
  integer(value: number): void
  /** exactly `width` digits, zeros in front; the value is below 10 ** width */
  padded(value: number, width: number): void
  /** `yyyy-mm-ddThh:mm:ss`; `second` is that of the day */
  dateAndTime(year: number, month: number, day: number, second: number): void
  /** 16 bytes as a quoted GUID in lower case */
  jsonGuid(source: Uint8Array, start: number): void
  /** bytes as a quoted text in base64; `plain`: with `+/`, else with `-_`; `padded`: with `=` at the end */
  jsonBinary(source: Uint8Array, start: number, end: number, plain: boolean, padded: boolean): void
  /** forgets what was written after `length` */
  rewind(length: number): void
  /** the byte at a place already written */
  at(place: number): number
  /** overwrites the byte at a place already written */
  patch(at: number, value: number): void
  /** what was written; the buffer belongs to the caller afterwards */
  take(): Uint8Array
}

/**
 * Writes one row as a JSON object; `context` (an absolute URL) is its first member where given.
 * @param related what its shape expands @param annotations as those of `RelatedRow`
 * @param computed what $compute defines
 */
export type RowWriter = (
  row: Uint8Array,
  sink: ByteSink,
  context: string | undefined,
  related?: Related,
  annotations?: RowAnnotations,
  computed?: readonly ComputedMember[],
) => void

/**
 * Writes the answer to a request for one member of a row: `{"@odata.context":..., "value":...}`, of a complex value its
 * object. @param related what is expanded of a complex value @param annotations of complex values in the row
 * @returns false where it is null or absent: nothing is written then
 */
export type MemberWriter = (
  row: Uint8Array,
  sink: ByteSink,
  context: string | undefined,
  related?: Related,
  annotations?: RowAnnotations,
) => boolean

export type MemberPath = readonly MemberStep[]
