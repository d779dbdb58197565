import { expect } from 'vitest'
import type { RunningService } from './running-service.ts'

type Json = Record<string, unknown>

/** Answers of a service as status, headers and JSON (undefined without a body). */
export function jsonClient(running: () => RunningService) {
  const ask = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const answer = await running().send(method, path, body, headers)
    const text = await answer.text()
    const json = text.startsWith('{') ? (JSON.parse(text) as Json & { value: Json[] }) : undefined
    return { status: answer.status, headers: answer.headers, text, json, error: json?.error as Json | undefined }
  }
  return {
    ask,
    get: (path: string, headers?: Record<string, string>) => ask('GET', path, undefined, headers),
    /** creates and expects 201 */
    make: async (path: string, body: unknown, headers?: Record<string, string>) => {
      const answer = await ask('POST', path, body, headers)
      expect(answer.status, `POST ${path}: ${answer.text}`).toBe(201)
      return answer
    },
    ids: async (path: string, name = 'id') => {
      const answer = await ask('GET', path)
      expect(answer.status, `GET ${path}: ${answer.text}`).toBe(200)
      return answer.json?.value.map((item) => item[name])
    },
  }
}
