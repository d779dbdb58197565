import { describe, expect, it } from 'vitest'
import { isNamespace, isSimpleIdentifier, localName, namespaceOf, Scope } from '../../../src/csdl/names.ts'

describe('names', () => {
  it('takes identifiers of letters, digits and underscore, not starting with a digit', () => {
    for (const name of ['a', '_', 'A1_', 'größe', 'имя', 'ひ', 'a'.repeat(128)])
      expect(isSimpleIdentifier(name)).toBe(true)
    for (const name of ['', '1a', 'a-b', 'a.b', 'a b', '@a', '$a', 'a'.repeat(129)])
      expect(isSimpleIdentifier(name), name).toBe(false)
  })

  it('takes namespaces of dotted identifiers', () => {
    expect(isNamespace('a.b.c')).toBe(true)
    for (const name of ['', 'a.', '.a', 'a..b', 'a.1', `${'a.'.repeat(256)}a`]) expect(isNamespace(name)).toBe(false)
  })

  it('splits qualified names at the last dot', () => {
    expect([namespaceOf('a.b.C'), localName('a.b.C')]).toEqual(['a.b', 'C'])
    expect([namespaceOf('C'), localName('C')]).toEqual(['', 'C'])
  })

  it('resolves aliases in names and paths', () => {
    const scope = new Scope()
    scope.aliases.set('self', 'org.example')
    expect(scope.resolve('self.A')).toBe('org.example.A')
    expect(scope.resolve('other.A')).toBe('other.A')
    expect(scope.resolvePath('a/b')).toBe('a/b')
    expect(scope.resolvePath('a/self.B/@self.T#q/c')).toBe('a/org.example.B/@org.example.T#q/c')
    expect(scope.resolvePath('self.F(self.A,Collection(self.B))/p')).toBe(
      'org.example.F(org.example.A,Collection(org.example.B))/p',
    )
    expect(scope.resolvePath('self.E/A self.E/B')).toBe('org.example.E/A org.example.E/B')
  })
})
