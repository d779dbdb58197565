import { resolve } from 'node:path'
import { localKey, signLocalToken } from '../auth/local-key.ts'
import { deleteRestrictions, insertRestrictions, readRestrictions, updateRestrictions } from '../csdl/capabilities.ts'
import { readModel } from '../csdl/read-model.ts'
import { type Arguments, UsageError } from './flags.ts'

/** `odatum token`: a token signed with the local development key. @returns the token */
export async function token(given: Arguments): Promise<string> {
  if (given.positionals.length > 0) throw new UsageError('token takes flags only')
  const file = given.text('all')
  const scopes = [...given.texts('scope'), ...(file === undefined ? [] : await delegatedScopes(file))]
  const roles = given.texts('role')
  if (scopes.length > 0 && roles.length > 0)
    throw new UsageError("a token is delegated (--scope) or an application's (--role), not both")
  const bad = [...scopes, ...roles].find((name) => !/^[\x21-\x7e]+$/.test(name))
  if (bad !== undefined) throw new UsageError(`'${bad}' is no permission name`)
  const key = await localKey(resolve(given.text('data') ?? 'data'))
  const lifetime = given.number('lifetime', 1, 31_536_000) ?? 3_600
  return signLocalToken(key, { scopes, roles, subject: given.text('subject') ?? 'developer', lifetime })
}

async function delegatedScopes(file: string): Promise<readonly string[]> {
  const model = await readModel(file)
  const names = new Set<string>()
  for (const child of model.container?.children.values() ?? []) {
    const restrictions = [
      readRestrictions(child),
      insertRestrictions(child),
      updateRestrictions(child),
      deleteRestrictions(child),
    ]
    for (const { permissions } of restrictions)
      for (const { scheme, scopes } of permissions)
        if (scheme === 'Delegated') for (const { scope } of scopes) names.add(scope)
  }
  return [...names]
}
