import { readFileSync } from 'node:fs'
import { request } from 'node:http'
import autocannon from 'autocannon'

const connections = 32

/**
 * One burst of requests: throughput, latency, and what the server's process spent. Each connection begins elsewhere in
 * `requests`: in step they would all ask for the same at the same time.
 */
export async function burst(pid, options) {
  const cpuBefore = cpuSeconds(pid)
  const { requests } = options
  let clients = 0
  const setupClient = (client) => {
    if (!requests) return
    const start = Math.floor((requests.length * clients++) / connections)
    client.setRequests([...requests.slice(start), ...requests.slice(0, start)])
  }
  const result = await autocannon({ connections, ...options, setupClient })
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

/** Resident memory in MiB: now and at its highest. */
export function memory(pid) {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name) => Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0) / 1024
  return { now: read('VmRSS'), peak: read('VmHWM') }
}

/** One GET, its body counted and dropped: milliseconds to the first byte of the body and to the end. */
export function timedGet(url, headers = {}) {
  return new Promise((resolve, reject) => {
    const started = performance.now()
    request(url, { headers }, (response) => {
      let first
      let bytes = 0
      const chunks = []
      response.on('data', (chunk) => {
        first ??= performance.now() - started
        bytes += chunk.length
        if (bytes < 64_000_000) chunks.push(chunk)
      })
      response.on('end', () =>
        resolve({
          status: response.statusCode,
          first,
          total: performance.now() - started,
          bytes,
          body: () => Buffer.concat(chunks).toString(),
        }),
      )
      response.on('error', reject)
    })
      .on('error', reject)
      .end()
  })
}

export const median = (numbers) => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]
export const spread = (numbers) => (Math.max(...numbers) - Math.min(...numbers)) / median(numbers)
