import { type Document, EJSON } from 'bson'
import { MongoServerError } from 'mongodb'
import type { NoteFields, Trace } from '../store/trace.ts'
import type { Connection } from './connection.ts'
import type { Remaining } from './find.ts'

/** What a command says of how it is run, not of what it asks for. */
const aboutRunning = new Set(['maxTimeMS', 'readConcern', 'batchSize', 'singleBatch'])

/** Milliseconds the server may take to say how it would go about a command. */
const explainTime = 2_000

/**
 * Tells of a find or aggregate; its outcome is the server's plan for it.
 * @param remaining what is still done with the rows here
 */
export function noteCommand(
  connection: Connection,
  trace: Trace,
  command: Document,
  remaining: readonly Remaining[] | undefined,
): void {
  trace({
    command: { ...readable(command), ...(remaining ? { remaining } : {}) },
    outcome: () => winningPlan(connection, command),
  })
}

/** What the server would do, by its own word. A server that does not tell is no fault of the request. */
async function winningPlan(connection: Connection, command: Document): Promise<NoteFields> {
  const explained = Object.fromEntries(Object.entries(command).filter(([name]) => !aboutRunning.has(name)))
  try {
    const answer = await connection.db.command({
      explain: explained,
      verbosity: 'queryPlanner',
      maxTimeMS: explainTime,
    })
    return readable(planOf(answer))
  } catch (error) {
    const reason = error instanceof MongoServerError ? error.codeName : undefined
    return { winningStages: null, notExplained: reason ?? 'the server did not answer' }
  }
}

/** A find says its plan at the top; of a pipeline the server's first stage does where the rest runs behind it. */
function planOf(answer: Document): Document {
  const stages: readonly Document[] = answer.stages ?? []
  const cursor = stages.find((stage) => '$cursor' in stage)
  const planner: Document | undefined = answer.queryPlanner ?? cursor?.$cursor.queryPlanner
  const winning: Document | undefined = planner?.winningPlan ?? answer.shards
  // with the slot-based engine the plan is wrapped in the form that is executed
  const plan: Document | undefined = winning?.queryPlan ?? winning
  const behind = stages.filter((stage) => stage !== cursor).map((stage) => Object.keys(stage)[0])
  return {
    winningStages: plan ? stagesOf(plan) : [],
    ...(behind.length > 0 ? { behind } : {}),
    rejectedPlans: planner?.rejectedPlans?.length ?? 0,
    winningPlan: plan ?? null,
  }
}

/** Names of the stages, the last one to run first, each with its index. */
function stagesOf(plan: Document): string[] {
  const { stage, indexName } = plan
  const own = typeof stage === 'string' ? [indexName === undefined ? stage : `${stage} ${indexName}`] : []
  const inner: readonly Document[] = [
    ...(plan.inputStage ? [plan.inputStage] : []),
    ...(plan.inputStages ?? []),
    ...(Array.isArray(plan.shards) ? plan.shards.map((shard: Document) => shard.winningPlan ?? {}) : []),
  ]
  return [...own, ...inner.flatMap(stagesOf)]
}

/** As a person writes it: what JSON has no form for as the extended JSON of MongoDB. */
function readable(document: Document): NoteFields {
  return EJSON.serialize(document, { relaxed: true })
}
