// The actions of users that change the status of a job. The route `POST /jobs/{id}/<name>`, its entry in the OpenAPI document and the call
// of the script follow from an entry here. The script packages/jobs/lua/<name>Job.lua decides in which status an action is allowed.

interface JobActionText {
  readonly summary: string;
  /** What the action does in each status in which it is allowed. */
  readonly description: string;
  /** Describes the job in the response. */
  readonly response: string;
}

export const jobActions = {
  cancel: {
    summary: 'Cancel a job',
    description: 'A queued or paused job is cancelled at once, a running job within a second. Repeating the request changes nothing.',
    response: 'The job, which is `cancelled` or `cancelling`.',
  },
  pause: {
    summary: 'Pause a job',
    description:
      'A queued job is paused at once. A running job is paused after its current step, when a checkpoint is stored. A paused job uses no worker until it is resumed. Repeating the request changes nothing.',
    response: 'The job, which is `paused` or `pausing`.',
  },
  resume: {
    summary: 'Resume a paused job',
    description:
      'The job is queued again. It continues from its checkpoint, if it has one, with the same results as without a pause. Repeating the request while the job is queued changes nothing.',
    response: 'The job, which is `queued`.',
  },
} as const satisfies Readonly<Record<string, JobActionText>>;

export type JobAction = keyof typeof jobActions;

/** The names of all actions. */
export const jobActionNames = Object.keys(jobActions) as readonly JobAction[];
