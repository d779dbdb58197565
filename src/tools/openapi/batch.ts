import type { Schema } from './schemas.ts'

/** `$batch` (Protocol 11.7, JSON Format 19), as a path item. */
export const batchPath: { [method: string]: unknown } = {
  post: {
    operationId: 'batch',
    summary: 'Send several requests as one',
    requestBody: { required: true, content: contentOf(['url', 'method']) },
    responses: {
      200: { description: 'The answers', content: contentOf(['status']) },
      default: { $ref: '#/components/responses/error' },
    },
  },
}

function contentOf(required: readonly string[]): Schema {
  const answers = required.includes('status')
  const item = {
    type: 'object',
    required: ['id', ...required],
    properties: {
      id: { type: 'string' },
      ...(answers
        ? { status: { type: 'integer' } }
        : {
            method: {
              type: 'string',
              enum: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'get', 'post', 'put', 'patch', 'delete'],
            },
            url: { type: 'string', description: 'absolute, or relative to the service root' },
            dependsOn: { type: 'array', items: { type: 'string' } },
            if: { type: 'string' },
          }),
      atomicityGroup: { type: 'string' },
      headers: { type: 'object', additionalProperties: { type: 'string' } },
      body: {},
    },
  }
  const name = answers ? 'responses' : 'requests'
  return {
    'multipart/mixed': { schema: { type: 'string', format: 'binary' } },
    'application/json': {
      schema: { type: 'object', required: [name], properties: { [name]: { type: 'array', items: item } } },
    },
  }
}
