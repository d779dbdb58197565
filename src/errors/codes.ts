/**
 * Every error code odatum answers with: its HTTP status and the section that asks for it. A code is never reused for
 * something else. Sections: P = Protocol, U = URL Conventions, J = JSON Format, C = CSDL.
 */
export const errorCodes = {
  // the request as such
  badRequest: { status: 400, spec: 'P 9.3.1' },
  headerInvalid: { status: 400, spec: 'P 8' },
  versionNotSupported: { status: 400, spec: 'P 8.1.5, 8.2.7' },
  hostNotServed: { status: 421, spec: 'RFC 9110 15.5.20' },
  methodNotAllowed: { status: 405, spec: 'P 9.3.5' },
  notAcceptable: { status: 406, spec: 'P 9.3.6' },
  requestTimeout: { status: 408, spec: 'RFC 9110 15.5.9' },
  payloadTooLarge: { status: 413, spec: 'P 9.3.9' },
  uriTooLong: { status: 414, spec: 'RFC 9110 15.5.15' },
  unsupportedMediaType: { status: 415, spec: 'P 9.3.10' },
  rangeNotSatisfiable: { status: 416, spec: 'RFC 9110 15.5.17' },
  tooManyRequests: { status: 429, spec: 'RFC 6585 4' },
  // the URL
  urlSyntax: { status: 400, spec: 'U 2' },
  urlLimitExceeded: { status: 400, spec: 'P 14' },
  resourceNotFound: { status: 404, spec: 'P 9.2.1' },
  propertyNotFound: { status: 404, spec: 'P 9.2.1' },
  entityNotFound: { status: 404, spec: 'P 9.3.4' },
  keyInvalid: { status: 400, spec: 'U 4.3.1' },
  nameNotFound: { status: 400, spec: 'U 5.1.1' },
  typeMismatch: { status: 400, spec: 'U 5.1.1' },
  functionNotFound: { status: 400, spec: 'U 5.1.1.4' },
  queryOptionUnknown: { status: 400, spec: 'U 5.1' },
  queryOptionDuplicate: { status: 400, spec: 'U 5' },
  queryOptionInvalid: { status: 400, spec: 'U 5.1' },
  queryOptionNotAllowed: { status: 400, spec: 'P 11.2.1' },
  literalInvalid: { status: 400, spec: 'U 5.1.1.14' },
  skipTokenInvalid: { status: 400, spec: 'P 11.2.6.7' },
  deltaTokenInvalid: { status: 400, spec: 'P 11.3.1' },
  // the body
  batchLimitExceeded: { status: 400, spec: 'P 14' },
  bodySyntax: { status: 400, spec: 'J 4' },
  bodyInvalid: { status: 400, spec: 'J 4.3' },
  propertyUnknown: { status: 400, spec: 'J 4.3' },
  propertyDuplicate: { status: 400, spec: 'RFC 8259 4' },
  propertyRequired: { status: 400, spec: 'P 11.4.2' },
  propertyNull: { status: 400, spec: 'C 7.2.1' },
  valueInvalid: { status: 400, spec: 'J 7.1' },
  typeUnknown: { status: 400, spec: 'J 4.6.3' },
  typeNotAllowed: { status: 400, spec: 'J 4.6.3' },
  typeAbstract: { status: 400, spec: 'C 6.3' },
  controlInformationInvalid: { status: 400, spec: 'J 4.6' },
  // state
  entityExists: { status: 409, spec: 'P 11.4.2' },
  conflict: { status: 409, spec: 'P 9.3.7' },
  preconditionFailed: { status: 412, spec: 'P 9.3.8' },
  preconditionRequired: { status: 428, spec: 'P 9.3.12' },
  gone: { status: 410, spec: 'P 9.3.7, 11.3.2' },
  failedDependency: { status: 424, spec: 'P 9.3.11, 11.7.2' },
  // who asks
  unauthenticated: { status: 401, spec: 'P 9.3.2' },
  accessDenied: { status: 403, spec: 'P 9.3.3' },
  // what cannot be done
  notImplemented: { status: 501, spec: 'P 9.4.1' },
  storeUnavailable: { status: 503, spec: 'P 9.4' },
  storeTimeout: { status: 503, spec: 'P 9.4' },
  outcomeUnknown: { status: 504, spec: 'RFC 9110 15.6.5' },
  internal: { status: 500, spec: 'P 9.4' },
} as const satisfies Record<string, ErrorCodeEntry>

interface ErrorCodeEntry {
  readonly status: number
  readonly spec: string
}

/** One of odatum's error codes. */
export type ErrorCode = keyof typeof errorCodes
