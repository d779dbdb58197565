import { annotationOf, items, member, text } from '../../edm/annotations.ts'
import type { AnnotationExpression, EntityContainer } from '../../edm/model.ts'
import type { Plan } from '../../plan/plan.ts'
import type { Schema } from './schemas.ts'

const authorization = 'Org.OData.Authorization.V1.'

/**
 * The security schemes of a service: what Authorization.Authorizations of the container says, else a bearer token where the
 * model asks for permissions.
 */
export function securitySchemes(container: EntityContainer, permissions: boolean): { readonly [name: string]: Schema } {
  const told = items(annotationOf(container, `${authorization}Authorizations`)?.value).flatMap((record) => {
    const name = text(member(record, 'Name'))
    const scheme = schemeOf(record)
    return name === undefined || scheme === undefined ? [] : [[name.replace(/[^\w.-]/g, '_'), scheme] as const]
  })
  if (told.length > 0) return Object.fromEntries(told)
  return permissions ? { bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } : {}
}

function schemeOf(record: AnnotationExpression): Schema | undefined {
  if (record.kind !== 'record') return undefined
  const say = (name: string): string | undefined => text(member(record, name))
  const told = say('Description') === undefined ? {} : { description: say('Description') }
  switch (record.type?.replace(authorization, '')) {
    case 'OpenIDConnect':
      return { type: 'openIdConnect', openIdConnectUrl: say('IssuerUrl') ?? '', ...told }
    case 'Http':
      return {
        type: 'http',
        scheme: say('Scheme') ?? 'bearer',
        ...(say('BearerFormat') === undefined ? {} : { bearerFormat: say('BearerFormat') }),
        ...told,
      }
    case 'ApiKey':
      return { type: 'apiKey', name: say('KeyName') ?? '', in: placeOf(member(record, 'Location')), ...told }
    case 'OAuth2ClientCredentials':
      return flow('clientCredentials', ['TokenUrl'])
    case 'OAuth2Password':
      return flow('password', ['TokenUrl'])
    case 'OAuth2Implicit':
      return flow('implicit', ['AuthorizationUrl'])
    case 'OAuth2AuthCode':
      return flow('authorizationCode', ['AuthorizationUrl', 'TokenUrl'])
    default:
      return undefined
  }

  function flow(name: string, urls: readonly string[]): Schema {
    const scopes = items(member(record, 'Scopes')).map((scope) => [
      text(member(scope, 'Scope')) ?? '',
      text(member(scope, 'Description')) ?? '',
    ])
    const refresh = say('RefreshUrl')
    const addresses = urls.map((url) => [url.charAt(0).toLowerCase() + url.slice(1), say(url) ?? ''])
    return {
      type: 'oauth2',
      flows: {
        [name]: {
          ...Object.fromEntries(addresses),
          ...(refresh === undefined ? {} : { refreshUrl: refresh }),
          scopes: Object.fromEntries(scopes),
        },
      },
      ...told,
    }
  }
}

function placeOf(location: AnnotationExpression | undefined): string {
  const name = location?.kind === 'enumMember' ? location.value.slice(location.value.lastIndexOf('/') + 1) : 'Header'
  return name === 'QueryOption' ? 'query' : name.toLowerCase()
}

/** Scopes that a request needs, in words: of every line one. */
export function permissionText({ requires }: Pick<Plan, 'requires'>): string | undefined {
  if (requires.length === 0) return undefined
  const lines = requires.map(
    ({ path, anyOf }) => `- ${path}: ${[...new Set(anyOf.map(({ scope }) => scope))].join(' or ')}`,
  )
  return `Permissions:\n\n${lines.join('\n')}`
}

/** The `security` of an operation; undefined: open to everybody. */
export function securityOf(
  { requires }: Pick<Plan, 'requires'>,
  schemes: { readonly [name: string]: Schema },
): readonly Schema[] | undefined {
  if (requires.length === 0) return undefined
  return Object.entries(schemes).map(([name, { type }]) => ({
    [name]:
      type === 'oauth2' || type === 'openIdConnect'
        ? [...new Set(requires.flatMap(({ anyOf }) => anyOf.slice(0, 1).map(({ scope }) => scope)))]
        : [],
  }))
}
