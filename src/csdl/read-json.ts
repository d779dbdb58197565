import { type Declaration, grammar } from './declaration.ts'
import { schemaTerm } from './json-schema.ts'
import { type JsonMember, type JsonNode, parseJson } from './json-text.ts'
import { CsdlError, type Problems, type Source } from './problems.ts'
import { JsonExpressionReader } from './read-json-expression.ts'

type JsonObjectNode = Extract<JsonNode, { readonly kind: 'object' }>
type Attributes = Record<string, string>

/**
 * Reads a CSDL JSON document into the same declarations as the XML reader: one node for each element that the XML form
 * would have.
 * @returns the root declaration (`Edmx`)
 * @throws CsdlError where the text is no JSON or no CSDL at all
 */
export function readJson(source: Source, problems: Problems): Declaration {
  return new CsdlJsonReader(source, problems).read()
}

const inertMembers = ['$Kind', '$Collection', '$Type']

class CsdlJsonReader {
  readonly #source: Source
  readonly #problems: Problems
  readonly #expressions: JsonExpressionReader
  /** names of JSON.Schema in this document, whose value is JSON of its own */
  readonly #jsonTerms = new Set([schemaTerm])

  constructor(source: Source, problems: Problems) {
    this.#source = source
    this.#problems = problems
    this.#expressions = new JsonExpressionReader(source, problems, this.#jsonTerms)
  }

  read(): Declaration {
    const root = parseJson(this.#source, this.#problems)
    const version = root.kind === 'object' ? find(root, '$Version') : undefined
    if (root.kind !== 'object' || version?.kind !== 'string') {
      this.#report(root.offset, 'document-root', `a CSDL JSON document is an object with a member '$Version'.`)
      throw new CsdlError(this.#problems.all)
    }
    const children: Declaration[] = []
    const schemas: Declaration[] = []
    this.#findJsonTerms(find(root, '$Reference'))
    for (const { name, value, offset } of root.members) {
      if (name === '$Reference') children.push(...this.#references(value))
      else if (name === '$Version' || name === '$EntityContainer') continue
      else if (name.startsWith('$')) this.#unknown(name, offset)
      else {
        const schema = this.#object(value, `schema '${name}'`)
        if (schema) schemas.push(this.#schema(name, schema, offset))
      }
    }
    children.push(this.#node('DataServices', {}, schemas, root.offset))
    return this.#node('Edmx', { Version: version.value }, children, root.offset)
  }

  #findJsonTerms(references: JsonNode | undefined): void {
    const dot = schemaTerm.lastIndexOf('.')
    for (const { value } of references?.kind === 'object' ? references.members : []) {
      const includes = value.kind === 'object' ? find(value, '$Include') : undefined
      for (const include of includes?.kind === 'array' ? includes.items : []) {
        if (include.kind !== 'object' || text(find(include, '$Namespace')) !== schemaTerm.slice(0, dot)) continue
        const alias = text(find(include, '$Alias'))
        if (alias !== undefined) this.#jsonTerms.add(alias + schemaTerm.slice(dot))
      }
    }
  }

  #references(value: JsonNode): Declaration[] {
    const references = this.#object(value, '$Reference')
    return (references?.members ?? []).flatMap(({ name: uri, value: body, offset }) => {
      const reference = this.#object(body, '$Reference')
      if (!reference) return []
      const children = reference.members.flatMap((member) => {
        if (member.name !== '$Include' && member.name !== '$IncludeAnnotations') return []
        const element = member.name.slice(1)
        return this.#items(member).flatMap((item) => {
          const include = this.#object(item, member.name)
          return include ? [this.#element(element, {}, include, item.offset)] : []
        })
      })
      const node = this.#element('Reference', { Uri: uri }, reference, offset, ['$Include', '$IncludeAnnotations'])
      return [{ ...node, children: [...children, ...node.children] }]
    })
  }

  #schema(namespace: string, schema: JsonObjectNode, offset: number): Declaration {
    const children: Declaration[] = []
    for (const member of schema.members) {
      if (member.name === '$Alias' || member.name.includes('@')) continue
      if (member.name === '$Annotations') children.push(...this.#external(member.value))
      else if (member.name.startsWith('$')) continue
      else if (member.value.kind === 'array')
        for (const overload of member.value.items) this.#pushElement(children, member.name, overload, overload.offset)
      else this.#pushElement(children, member.name, member.value, member.offset)
    }
    const node = this.#element('Schema', { Namespace: namespace }, onlyDollarAndAnnotations(schema), offset, [
      '$Annotations',
    ])
    return { ...node, children: [...children, ...node.children] }
  }

  #external(value: JsonNode): Declaration[] {
    return (this.#object(value, '$Annotations')?.members ?? []).flatMap((member) => {
      const body = this.#object(member.value, member.name)
      if (!body) return []
      const children = this.#expressions.annotations(body.members, '')
      return [this.#node('Annotations', { Target: member.name }, children, member.offset)]
    })
  }

  #pushElement(into: Declaration[], name: string, value: JsonNode, offset: number): void {
    const body = this.#object(value, name)
    if (!body) return
    const kind = text(find(body, '$Kind')) ?? ''
    switch (kind) {
      case 'EntityType':
      case 'ComplexType':
        into.push(this.#structured(kind, name, body, offset))
        return
      case 'EnumType':
        into.push(this.#enum(name, body, offset))
        return
      case 'TypeDefinition':
      case 'Term':
        into.push(this.#typedElement(kind, { Name: name }, body, offset))
        return
      case 'Action':
      case 'Function':
        into.push(this.#operation(kind, name, body, offset))
        return
      case 'EntityContainer':
        into.push(this.#container(name, body, offset))
        return
      default:
        this.#report(offset, 'unknown-element', `'${name}' has the unknown $Kind '${kind}'; it is passed over.`)
    }
  }

  #structured(kind: string, name: string, body: JsonObjectNode, offset: number): Declaration {
    const children: Declaration[] = []
    for (const member of body.members) {
      if (member.name === '$Key') children.push(this.#key(member))
      if (/[$@]/.test(member.name)) continue
      const property = this.#object(member.value, member.name)
      if (!property) continue
      const isNavigation = text(find(property, '$Kind')) === 'NavigationProperty'
      children.push(
        isNavigation
          ? this.#navigation(member.name, property, member.offset)
          : this.#typedElement('Property', { Name: member.name }, property, member.offset),
      )
    }
    const node = this.#element(kind, { Name: name }, onlyDollarAndAnnotations(body), offset, ['$Key'])
    return { ...node, children: [...children, ...node.children] }
  }

  #key(member: JsonMember): Declaration {
    const references = this.#items(member).flatMap((item) => {
      if (item.kind === 'string') return [this.#node('PropertyRef', { Name: item.value }, [], item.offset)]
      const part = item.kind === 'object' ? item.members[0] : undefined
      const path = part && text(part.value)
      if (part && path !== undefined)
        return [this.#node('PropertyRef', { Name: path, Alias: part.name }, [], item.offset)]
      this.#report(item.offset, 'attribute-value', `an item of '$Key' must be a string or {"alias":"path"}.`)
      return []
    })
    return this.#node('Key', {}, references, member.offset)
  }

  #navigation(name: string, body: JsonObjectNode, offset: number): Declaration {
    const children: Declaration[] = []
    for (const member of body.members) {
      if (member.name === '$ReferentialConstraint') {
        const constraints = this.#object(member.value, member.name)?.members ?? []
        for (const constraint of constraints) {
          if (constraint.name.includes('@')) continue
          children.push(
            this.#node(
              'ReferentialConstraint',
              { Property: constraint.name, ReferencedProperty: text(constraint.value) ?? '' },
              this.#expressions.annotations(constraints, constraint.name),
              constraint.offset,
            ),
          )
        }
      } else if (member.name === '$OnDelete')
        children.push(
          this.#node(
            'OnDelete',
            { Action: text(member.value) ?? '' },
            this.#expressions.annotations(body.members, '$OnDelete'),
            member.offset,
          ),
        )
    }
    const rest = {
      ...body,
      members: body.members.filter(
        (member) => member.name !== '$ReferentialConstraint' && !member.name.startsWith('$OnDelete'),
      ),
    }
    const node = this.#typedElement('NavigationProperty', { Name: name }, rest, offset)
    const attributes: Attributes = { ...node.attributes }
    // On a collection Nullable is illegal in XML and absent here; #typedElement has set the default of the XML form.
    if (attributes.Type?.startsWith('Collection(') && find(body, '$Nullable') === undefined) delete attributes.Nullable
    return { ...node, attributes, children: [...children, ...node.children] }
  }

  #enum(name: string, body: JsonObjectNode, offset: number): Declaration {
    const members = body.members
      .filter((member) => !/[$@]/.test(member.name))
      .map((member) =>
        this.#node(
          'Member',
          { Name: member.name, Value: scalar(member.value) ?? '' },
          this.#expressions.annotations(body.members, member.name),
          member.offset,
        ),
      )
    const node = this.#element('EnumType', { Name: name }, onlyDollarAndAnnotations(body), offset)
    return { ...node, children: [...members, ...node.children] }
  }

  #operation(kind: string, name: string, body: JsonObjectNode, offset: number): Declaration {
    const children: Declaration[] = []
    for (const member of body.members) {
      if (member.name === '$Parameter')
        for (const item of this.#items(member)) {
          const parameter = this.#object(item, '$Parameter')
          if (parameter) children.push(this.#typedElement('Parameter', {}, parameter, item.offset))
        }
      else if (member.name === '$ReturnType') {
        const returned = this.#object(member.value, member.name)
        if (returned) children.push(this.#typedElement('ReturnType', {}, returned, member.offset))
      }
    }
    const node = this.#element(kind, { Name: name }, body, offset, ['$Parameter', '$ReturnType'])
    return { ...node, children: [...children, ...node.children] }
  }

  #container(name: string, body: JsonObjectNode, offset: number): Declaration {
    const children: Declaration[] = []
    for (const member of body.members) {
      if (/[$@]/.test(member.name)) continue
      const child = this.#object(member.value, member.name)
      if (child) children.push(this.#containerChild(member.name, child, member.offset))
    }
    const node = this.#element('EntityContainer', { Name: name }, onlyDollarAndAnnotations(body), offset)
    return { ...node, children: [...children, ...node.children] }
  }

  #containerChild(name: string, body: JsonObjectNode, offset: number): Declaration {
    if (find(body, '$Action')) return this.#element('ActionImport', { Name: name }, body, offset)
    if (find(body, '$Function')) return this.#element('FunctionImport', { Name: name }, body, offset)
    const isSet = boolean(find(body, '$Collection')) === true
    const type = text(find(body, '$Type'))
    const bindings = find(body, '$NavigationPropertyBinding')
    const children = ((bindings && this.#object(bindings, '$NavigationPropertyBinding'))?.members ?? []).map(
      (binding) =>
        this.#node(
          'NavigationPropertyBinding',
          { Path: binding.name, Target: text(binding.value) ?? '' },
          [],
          binding.offset,
        ),
    )
    const attributes: Attributes = { Name: name }
    if (type !== undefined) attributes[isSet ? 'EntityType' : 'Type'] = type
    const node = this.#element(isSet ? 'EntitySet' : 'Singleton', attributes, body, offset, [
      '$NavigationPropertyBinding',
    ])
    return { ...node, children: [...children, ...node.children] }
  }

  /** An element with `$Type`, `$Collection`, `$Nullable`: absent means Edm.String, single, not nullable (CSDL JSON 7.1, 7.2). */
  #typedElement(name: string, attributes: Attributes, body: JsonObjectNode, offset: number): Declaration {
    const node = this.#element(name, attributes, body, offset)
    if (name === 'TypeDefinition') return node
    const type = text(find(body, '$Type')) ?? 'Edm.String'
    const collection = boolean(find(body, '$Collection')) === true
    return {
      ...node,
      attributes: {
        Nullable: 'false',
        ...node.attributes,
        Type: collection ? `Collection(${type})` : type,
      },
    }
  }

  /** An element whose `$`-members are the attributes of the XML form, with its annotations. */
  #element(
    name: string,
    attributes: Attributes,
    body: JsonObjectNode,
    offset: number,
    structural: readonly string[] = [],
  ): Declaration {
    const rules = grammar.get(name)
    const all: Attributes = Object.assign(Object.create(null), attributes)
    for (const member of body.members) {
      if (!member.name.startsWith('$') || member.name.includes('@') || structural.includes(member.name)) continue
      const attribute = member.name.slice(1)
      if (inertMembers.includes(member.name)) continue
      if (!rules?.attributes.has(attribute)) {
        this.#unknown(member.name, member.offset)
        continue
      }
      const value = member.value.kind === 'array' ? list(member.value) : scalar(member.value)
      if (value !== undefined) all[attribute] = value
      else this.#report(member.offset, 'attribute-value', `'${member.name}' must not be an object or null.`)
    }
    for (const required of rules?.required ?? [])
      if (required !== 'Type' && all[required] === undefined)
        this.#report(offset, 'attribute-required', `'${name}' must have '$${required}'.`)
    return this.#node(name, all, this.#expressions.annotations(body.members, ''), offset)
  }

  #node(name: string, attributes: Attributes, children: readonly Declaration[], offset: number): Declaration {
    return { name, attributes, children, text: '', source: this.#source, offset }
  }

  #object(value: JsonNode, what: string): JsonObjectNode | undefined {
    if (value.kind === 'object') return value
    this.#report(value.offset, 'attribute-value', `'${what}' must be an object.`)
    return undefined
  }

  #items({ name, value }: JsonMember): readonly JsonNode[] {
    if (value.kind === 'array') return value.items
    this.#report(value.offset, 'attribute-value', `'${name}' must be an array.`)
    return []
  }

  #unknown(name: string, offset: number): void {
    this.#report(offset, 'unknown-attribute', `'${name}' is not known here; it is passed over.`)
  }

  #report(offset: number, rule: Parameters<Problems['report']>[1], message: string): void {
    this.#problems.report({ source: this.#source, offset }, rule, message)
  }
}

function find(object: JsonObjectNode, name: string): JsonNode | undefined {
  return object.members.find((member) => member.name === name)?.value
}

/** The object without its named members, which are children of their own. */
function onlyDollarAndAnnotations(object: JsonObjectNode): JsonObjectNode {
  return { ...object, members: object.members.filter(({ name }) => name.startsWith('$') || name.startsWith('@')) }
}

const text = (node: JsonNode | undefined): string | undefined => (node?.kind === 'string' ? node.value : undefined)
const boolean = (node: JsonNode | undefined): boolean | undefined => (node?.kind === 'boolean' ? node.value : undefined)

function scalar(node: JsonNode): string | undefined {
  if (node.kind === 'string') return node.value
  if (node.kind === 'number') return node.text
  return node.kind === 'boolean' ? String(node.value) : undefined
}

/** A list of symbols, such as `$AppliesTo`, as the XML form has it. */
function list({ items }: Extract<JsonNode, { readonly kind: 'array' }>): string {
  return items.flatMap((item) => scalar(item) ?? []).join(' ')
}
