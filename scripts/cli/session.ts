/** The trainer that a command drives, in a browser or in Node: the same calls, the same events, the same results. */
import type { JudgeQuestion, JudgeReply } from '../../src/api/evaluations.ts';
import type { GenerateRequest, Generation, ModelReport, RunResult } from '../../src/api/trainer-api.ts';
import type {
  GeneratePlan,
  HeadlessEvent,
  ModelPlan,
  Outcome,
  TrainPlan,
} from '../../src/headless/commands.ts';
import { chooseHost, type HostChoice } from './choose-host.ts';
import type { Mount } from '../../src/host/node/mounts.ts';

export interface SessionOptions {
  readonly host: HostChoice;
  /** The hub that is asked, where it is not the public one. */
  readonly hubUrl: string | null;
  /** What of this machine the trainer may read, under which addresses. */
  readonly mounts: readonly Mount[];
  /** Where results go, and under which names. */
  readonly out?: { readonly path: string; readonly names: readonly string[] };
  readonly onEvent: (event: HeadlessEvent) => void;
  readonly say: (line: string) => void;
}

export interface Session {
  train(plan: TrainPlan): Promise<Outcome<RunResult>>;
  generate(plan: GeneratePlan): Promise<Outcome<readonly Generation[]>>;
  /** Loads a model, in the place of the one before, for several calls of `answer` or `askJudge`. */
  open(plan: ModelPlan): Promise<Outcome<ModelReport>>;
  answer(request: GenerateRequest): Promise<Outcome<readonly Generation[]>>;
  /** The opened model as a judge of answers. */
  askJudge(question: JudgeQuestion): Promise<Outcome<readonly JudgeReply[]>>;
  /** Ends a run after the step it is in, answers after their batch. */
  stop(): Promise<void>;
  close(): Promise<void>;
}

/** Caller closes. @throws TrainerError "webgpu-unavailable" */
export async function openSession(options: SessionOptions): Promise<Session> {
  switch (chooseHost(options.host)) {
    case 'browser': {
      const { openBrowserSession } = await import('./browser-session.ts');
      return openBrowserSession(options);
    }
    case 'node': {
      const { openNodeSession } = await import('./node-session.ts');
      return openNodeSession(options);
    }
  }
}
