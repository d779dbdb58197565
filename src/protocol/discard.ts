import type { HttpResponse } from './message.ts'

/**
 * Ends an answer that nobody will read, so that what it reads from is closed. A generator that was never started would
 * not run its `finally`.
 */
export async function discard({ body }: HttpResponse): Promise<void> {
  if (body === undefined || body instanceof Uint8Array) return
  const chunks = body[Symbol.asyncIterator]()
  try {
    const { done } = await chunks.next()
    if (!done) await chunks.return?.(undefined)
  } catch {
    // it has failed by itself: nothing is left open
  }
}
