import { readFileSync } from 'node:fs'
import { Agent, request } from 'node:http'
import autocannon from 'autocannon'

const connections = 32

/**
 * One burst of requests: throughput, latency, and what the server's process spent. Each connection begins elsewhere in
 * `requests`: in step they would all ask for the same at the same time.
 * @param pid of the server
 * @param options of autocannon; `requests` may be a function that gives those of connection 0, 1, ...
 */
export async function burst(pid, options) {
  const cpuBefore = cpuSeconds(pid)
  const { requests, ...rest } = options
  let clients = 0
  const setupClient = (client) => {
    if (!requests) return
    const number = clients++
    if (typeof requests === 'function') {
      client.setRequests(requests(number))
      return
    }
    const start = Math.floor((requests.length * number) / connections)
    client.setRequests([...requests.slice(start), ...requests.slice(0, start)])
  }
  const result = await autocannon({ connections, ...rest, setupClient })
  const cpu = cpuSeconds(pid) - cpuBefore
  const bad = result.non2xx + result.errors + result.timeouts
  const total = result['2xx'] + bad
  return {
    perSecond: result.requests.total / result.duration,
    cpuMicros: (cpu / Math.max(1, total)) * 1e6,
    p99: result.latency.p99,
    bad,
    total,
  }
}

/** User and system time of a process so far, in seconds (clock ticks are 1/100 s on Linux). */
export function cpuSeconds(pid) {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) / 100
}

/** Resident memory in MiB: now and at its highest; `own`: now, without mapped files (lmdb's data is one). */
export function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
  return { now: read('VmRSS'), peak: read('VmHWM'), own: read('RssAnon') }
}

const agent = new Agent({ keepAlive: true })

/**
 * One request: milliseconds to the first byte of the body and to the end.
 * @param options method, headers, body of the request; `kept`: bytes of the answer that are kept (64 MB), the rest is counted
 */
export function timed(url, { method = 'GET', headers = {}, body, kept = 64_000_000 } = {}) {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    request(url, { method, headers, agent }, (response) => {
      let first
      let bytes = 0
      const chunks = []
      response.on('data', (chunk) => {
        first ??= performance.now() - started
        bytes += chunk.length
        if (bytes < kept) chunks.push(chunk)
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          headers: response.headers,
          first,
          total: performance.now() - started,
          bytes,
          body: () => Buffer.concat(chunks).toString(),
        }),
      )
      response.on('error', reject)
    })
      .on('error', reject)
      .end(body)
  })
}

export const timedGet = (url, headers = {}) => timed(url, { headers })

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
export const spread = (numbers) => (Math.max(...numbers) - Math.min(...numbers)) / median(numbers)
