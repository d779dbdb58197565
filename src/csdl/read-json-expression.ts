import { type Declaration, operatorNames } from './declaration.ts'
import { type JsonMember, type JsonNode, printJson } from './json-text.ts'
import type { Problems, Source } from './problems.ts'

type JsonObjectNode = Extract<JsonNode, { readonly kind: 'object' }>

const operators: ReadonlySet<string> = new Set(operatorNames)

/**
 * Annotations and their values in CSDL JSON as the declarations of the XML form. Strings and numbers do not say their kind;
 * they are marked `untyped` for the step that knows the term.
 */
export class JsonExpressionReader {
  readonly #source: Source
  readonly #problems: Problems
  readonly #jsonTerms: ReadonlySet<string>

  /** @param jsonTerms names of the terms whose values are streams of JSON: written as such, not as records (CSDL JSON 14.3) */
  constructor(source: Source, problems: Problems, jsonTerms: ReadonlySet<string>) {
    this.#source = source
    this.#problems = problems
    this.#jsonTerms = jsonTerms
  }

  /**
   * The annotations among an object's members.
   * @param prefix name of the member that they annotate; empty for the object itself
   */
  annotations(members: readonly JsonMember[], prefix: string): Declaration[] {
    const annotations: Declaration[] = []
    for (const member of members) {
      if (!member.name.startsWith(`${prefix}@`)) continue
      const name = member.name.slice(prefix.length + 1)
      if (name.includes('@') || !name.includes('.')) continue
      const [term = '', qualifier] = name.split('#')
      annotations.push(
        this.#node(
          'Annotation',
          qualifier === undefined ? { Term: term } : { Term: term, Qualifier: qualifier },
          [
            this.#jsonTerms.has(term) ? this.#json(member.value) : this.#expression(member.value),
            ...this.annotations(members, member.name),
          ],
          member.offset,
        ),
      )
    }
    return annotations
  }

  /** JSON as a value; a string is its text, too, as the XML form has it. */
  #json(node: JsonNode): Declaration {
    return this.#constant('String', node.kind === 'string' ? node.value : printJson(node), node.offset)
  }

  #expression(node: JsonNode): Declaration {
    switch (node.kind) {
      case 'null':
        return this.#node('Null', {}, [], node.offset)
      case 'boolean':
        return this.#constant('Bool', String(node.value), node.offset)
      case 'number': {
        const name = /^-?\d+$/.test(node.text) ? 'Int' : /[eE]/.test(node.text) ? 'Float' : 'Decimal'
        return { ...this.#constant(name, node.text, node.offset), untyped: true }
      }
      case 'string':
        return { ...this.#constant('String', node.value, node.offset), untyped: true }
      case 'array':
        return this.#node(
          'Collection',
          {},
          node.items.map((item) => this.#expression(item)),
          node.offset,
        )
      case 'object':
        return this.#object(node)
    }
  }

  #object(node: JsonObjectNode): Declaration {
    const dynamic = node.members.find(({ name }) => name.startsWith('$') && !name.includes('@') && !facets.has(name))
    if (!dynamic) return this.#record(node)
    const name = dynamic.name.slice(1)
    const annotations = this.annotations(node.members, '')
    const operands = dynamic.value.kind === 'array' ? dynamic.value.items : [dynamic.value]
    const children = (): Declaration[] => [...operands.map((item) => this.#expression(item)), ...annotations]
    const single = (): Declaration[] => [this.#expression(dynamic.value), ...annotations]
    if (operators.has(name))
      return this.#node(name, {}, name === 'Not' || name === 'Neg' ? single() : children(), node.offset)
    switch (name) {
      case 'Path':
        return this.#constant('Path', this.#text(dynamic), node.offset)
      case 'LabeledElementReference':
        return this.#constant('LabeledElementReference', this.#text(dynamic), node.offset)
      case 'Null':
        return this.#node('Null', {}, annotations, node.offset)
      case 'If':
        return this.#node('If', {}, children(), node.offset)
      case 'UrlRef':
        return this.#node('UrlRef', {}, single(), node.offset)
      case 'Apply':
        return this.#node('Apply', this.#attributes(node, ['Function']), children(), node.offset)
      case 'LabeledElement':
        return this.#node('LabeledElement', this.#attributes(node, ['Name']), single(), node.offset)
      case 'Cast':
      case 'IsOf': {
        const attributes = this.#attributes(node, ['Type', 'MaxLength', 'Unicode', 'Precision', 'Scale', 'SRID'])
        const type = attributes.Type ?? 'Edm.String'
        const collection = node.members.some(
          (member) => member.name === '$Collection' && member.value.kind === 'boolean' && member.value.value,
        )
        return this.#node(
          name,
          { ...attributes, Type: collection ? `Collection(${type})` : type },
          single(),
          node.offset,
        )
      }
      default:
        this.#problems.report(
          { source: this.#source, offset: dynamic.offset },
          'unknown-element',
          `'${dynamic.name}' is no annotation expression; it is read as null.`,
        )
        return this.#node('Null', {}, [], node.offset)
    }
  }

  #record(node: JsonObjectNode): Declaration {
    const type = node.members.find(({ name }) => name === '@type' || name === '@odata.type')?.value
    const values = node.members
      .filter(({ name }) => !name.includes('@'))
      .map((member) =>
        this.#node(
          'PropertyValue',
          { Property: member.name },
          [this.#expression(member.value), ...this.annotations(node.members, member.name)],
          member.offset,
        ),
      )
    return this.#node(
      'Record',
      type?.kind === 'string' ? { Type: type.value.slice(type.value.indexOf('#') + 1) } : {},
      [...values, ...this.annotations(node.members, '')],
      node.offset,
    )
  }

  #attributes(node: JsonObjectNode, names: readonly string[]): Record<string, string> {
    const attributes: Record<string, string> = Object.create(null)
    for (const { name, value } of node.members) {
      if (!name.startsWith('$') || !names.includes(name.slice(1))) continue
      if (value.kind === 'string' || value.kind === 'boolean') attributes[name.slice(1)] = String(value.value)
      if (value.kind === 'number') attributes[name.slice(1)] = value.text
    }
    return attributes
  }

  #text(member: JsonMember): string {
    if (member.value.kind === 'string') return member.value.value
    this.#problems.report(
      { source: this.#source, offset: member.offset },
      'attribute-value',
      `'${member.name}' must be a string.`,
    )
    return ''
  }

  #constant(name: string, text: string, offset: number): Declaration {
    return { name, attributes: none, children: [], text, source: this.#source, offset }
  }

  #node(
    name: string,
    attributes: Readonly<Record<string, string>>,
    children: readonly Declaration[],
    offset: number,
  ): Declaration {
    return { name, attributes, children, text: '', source: this.#source, offset }
  }
}

const none: Readonly<Record<string, string>> = Object.freeze(Object.create(null))

/** Members beside the one that names the expression. */
const facets: ReadonlySet<string> = new Set([
  '$Collection',
  '$Function',
  '$MaxLength',
  '$Name',
  '$Precision',
  '$Scale',
  '$SRID',
  '$Type',
  '$Unicode',
])
