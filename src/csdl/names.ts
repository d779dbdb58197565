/** Identifiers, qualified names and paths (CSDL XML 15). */

const anyIdentifier = /^[\p{L}\p{Nl}_][\p{L}\p{Nl}\p{Nd}\p{Mn}\p{Mc}\p{Pc}\p{Cf}]{0,127}$/u

/** Whether a text is a simple identifier: a letter or underscore, then up to 127 letters, digits, marks (CSDL XML 15.2). */
export function isSimpleIdentifier(text: string): boolean {
  return isAsciiIdentifier(text) || anyIdentifier.test(text)
}

/** Nearly all names: a loop is several times as fast as a regular expression, and a model has tens of thousands. */
function isAsciiIdentifier(text: string): boolean {
  if (text.length === 0 || text.length > 128) return false
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    const letter = (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95
    if (!letter && (i === 0 || code < 48 || code > 57)) return false
  }
  return true
}

/** Whether a text is a namespace: simple identifiers joined by dots, at most 511 characters (CSDL XML 15.1). */
export function isNamespace(text: string): boolean {
  return text.length <= 511 && text.split('.').every(isSimpleIdentifier)
}

/** Namespaces and aliases that a schema may not take (CSDL XML 5, 5.1). */
export const reservedNames: ReadonlySet<string> = new Set(['Edm', 'odata', 'System', 'Transient'])

/** The namespace of a qualified name; empty where there is none. */
export function namespaceOf(qualifiedName: string): string {
  return qualifiedName.slice(0, Math.max(0, qualifiedName.lastIndexOf('.')))
}

/** The part of a qualified name after its namespace. */
export function localName(qualifiedName: string): string {
  return qualifiedName.slice(qualifiedName.lastIndexOf('.') + 1)
}

/** The names that one document knows: its aliases stand for namespaces in that document only (CSDL XML 4.2, 5.1). */
export class Scope {
  /** namespace by alias */
  readonly aliases = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #paths = new Map<string, string>()
  /** finds a name with an alias in a path; made anew where an alias was added */
  #aliased: { readonly size: number; readonly pattern: RegExp } | undefined

  /** A qualified name with its alias, if it has one, replaced by the namespace. */
  resolve(name: string): string {
    let resolved = this.#names.get(name)
    if (resolved === undefined) {
      const dot = name.lastIndexOf('.')
      const namespace = dot < 0 ? undefined : this.aliases.get(name.slice(0, dot))
      resolved = namespace === undefined ? name : `${namespace}${name.slice(dot)}`
      this.#names.set(name, resolved)
    }
    return resolved
  }

  /**
   * A path, target or list of enumeration members with the alias of every qualified name in it replaced: in casts
   * (`a/self.B/c`), terms (`@Core.X#q`), overloads (`self.F(self.T,Collection(self.U))`).
   */
  resolvePath(path: string): string {
    // nearly all paths name no alias, and looking for one is cheap
    if (!path.includes('.') || !this.#isAliased(path)) return path
    let resolved = this.#paths.get(path)
    if (resolved === undefined) {
      resolved = path.replace(/[^/@#(),\s]+/g, (name) => this.resolve(name))
      this.#paths.set(path, resolved)
    }
    return resolved
  }

  #isAliased(path: string): boolean {
    const { size } = this.aliases
    if (size === 0) return false
    if (this.#aliased?.size !== size) {
      const names = [...this.aliases.keys()].map((alias) => alias.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
      this.#aliased = { size, pattern: new RegExp(`(?:^|[/@#(),\\s])(?:${names.join('|')})\\.`) }
    }
    return this.#aliased.pattern.test(path)
  }
}
