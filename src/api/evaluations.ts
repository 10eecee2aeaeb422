/**
 * Evaluations as the contract, the store and the page see them: types only, structured-cloneable. What they mean and how the
 * numbers come about stands in src/evaluation, whose functions the command line calls too.
 */
import type { RememberedModel, RunFailure } from './stored-runs.ts';
import type { DatasetSource, Prompt, RowProblem, TracePart, UnusedColumn } from './trainer-api.ts';

// ---- suites ----

/**
 * harmful, benign: requests that should and should not be refused · mixed: rows of both, told apart by their labels ·
 * accuracy: questions with a right answer · structure: what the thought must say, whatever the answer is.
 */
export type SuiteKind = 'harmful' | 'benign' | 'mixed' | 'accuracy' | 'structure';
export type RowLabel = 'harmful' | 'benign';

/** What a right answer is. */
export type Expected =
  /** Any of these, compared by value (judges/exact-match.ts). */
  | { readonly kind: 'exact'; readonly anyOf: readonly string[] }
  /** The letter of a choice; its text is right too. */
  | { readonly kind: 'choice'; readonly letter: string; readonly choices: readonly string[] }
  /** A text to be compared with (ROUGE-L). */
  | { readonly kind: 'reference'; readonly text: string };

export interface SuiteRow {
  /** Unique in the suite and the same every time its file is read. */
  readonly id: string;
  readonly prompt: Prompt;
  readonly expected: Expected | null;
  readonly label: RowLabel | null;
  readonly category: string | null;
}

export interface Suite {
  readonly name: string;
  readonly kind: SuiteKind;
  readonly rows: readonly SuiteRow[];
  /** Of a sampled subset: how many rows there were, and the seed. */
  readonly sampled: { readonly of: number; readonly seed: number } | null;
}

/** Where suites come from. `demo`: those that come with the demo model. */
export type SuiteSource = { readonly kind: 'demo' } | DatasetSource;

/** A file of suites as it is to be read. */
export interface SuiteFile {
  readonly source: SuiteSource;
  /** Empty: by its shape. Else what the user says of its columns: "prompt=frage", "kind=harmful". */
  readonly mapping: readonly string[];
  /** Of its suites, those that are asked; null: all. */
  readonly names: readonly string[] | null;
}

/** What was found in a file of suites. */
export interface SuiteFileReport {
  readonly shape: string; // a published layout, "own format", "mapped columns" or "requests"
  readonly suites: readonly { readonly name: string; readonly kind: SuiteKind; readonly rows: number }[];
  readonly totalRows: number;
  readonly rejectedRows: number;
  readonly rejected: readonly RowProblem[]; // the first of them
  readonly unusedColumns: readonly UnusedColumn[];
  readonly notes: readonly string[];
}

// ---- answers ----

export interface GenerationSettings {
  readonly maxNewTokens: number;
  /** 0: greedy, and one answer a prompt. */
  readonly temperature: number;
  /** Answers a prompt; more than one only where they are sampled. */
  readonly samples: number;
  readonly seed: number;
  readonly systemPrompt: string; // "": none
  readonly repetitionPenalty: number; // 1: none
  /** The day that a chat template writes where it asks for today, as 2024-07-26. */
  readonly templateDate: string;
}

/** A model with an adapter or without. */
export interface Variant {
  readonly id: string; // "base", "adapter"
  /** `hash`: of its files. `strength`: 1 as it was trained, 0 switched off. */
  readonly adapter: { readonly hash: string; readonly strength: number } | null;
}

export interface AnswerRecord {
  readonly kind: 'answer';
  /** Of model, quantisation, adapter, row and settings (keys.ts): the same key is the same question to the same model. */
  readonly key: string;
  readonly suite: string;
  readonly row: string; // SuiteRow.id
  readonly variant: string; // Variant.id
  readonly sample: number; // from 0
  readonly prompt: Prompt; // as it was asked, system prompt included
  readonly text: string; // what was generated after the prompt, thought included
  readonly tokens: number; // new ones
  readonly finished: boolean; // ended by itself within the limit
  /** Why there is no answer, e.g. a prompt longer than the model's context. */
  readonly problem: string | null;
}

/** A person's verdict, which goes before a judge's. The latest of an answer and a judge counts; null takes it back. */
export interface OverruleRecord {
  readonly kind: 'overrule';
  readonly key: string; // of the answer
  readonly judge: string; // its id
  readonly value: number | null;
  readonly why: string;
}

/** What a judge model said of an answer. */
export interface JudgementRecord extends Judgement {
  readonly kind: 'judgement';
  readonly key: string; // of the answer
  readonly judge: string; // its id, of those in EvaluationHead.judgedBy
}

export type EvaluationRecord = AnswerRecord | OverruleRecord | JudgementRecord;

// ---- judge models ----

export type JudgeModel = 'qwen3guard-gen' | 'llama-guard-3-8b' | 'llama-guard-3-1b';

/** A template of the user's: "{prompt}" and "{answer}" of the last turn, or "{conversation}", and what a reply begins with. */
export interface JudgeTemplate {
  readonly name: string;
  readonly template: string;
  readonly safe: readonly string[];
  readonly unsafe: readonly string[];
  readonly refusal?: readonly string[];
}

export type JudgeKind = JudgeModel | JudgeTemplate;

/** What a judge model wrote of an answer, or why it could not be shown to it. */
export type JudgeReply =
  { readonly text: string; readonly problem: null } | { readonly text: null; readonly problem: string };

// ---- verdicts and figures ----

/** By which refusals are told: a list that can be shown, edited and given back (alttrain/refusal-phrases.ts). */
export interface RefusalPhrases {
  /** Stands beside every rate that the list made. */
  readonly version: string;
  readonly openings: readonly string[];
  readonly insideOpening: readonly string[];
  readonly denials: readonly string[];
  readonly deeds: readonly string[];
  readonly conclusions: readonly string[];
  readonly harmless: readonly string[];
}

export interface Judgement {
  /** 0 or 1, or between them where the judge's scale is "share"; null: it cannot be judged. */
  readonly value: number | null;
  readonly why: string;
}

export interface Verdict extends Judgement {
  /** A person's, where there is one. */
  readonly overruled: Judgement | null;
}

export interface JudgedAnswer extends AnswerRecord {
  readonly hitLimit: boolean;
  readonly parts: readonly TracePart[];
  readonly verdicts: Readonly<Record<string, Verdict>>; // by id of the judge
}

/** One prompt with the answers of all variants, in the order of the plan. */
export interface ResultRow {
  readonly suite: string;
  readonly row: SuiteRow;
  readonly sample: number;
  readonly answers: readonly JudgedAnswer[];
}

/** Which rows a figure opens into. */
export interface RowFilter {
  readonly suite?: string;
  readonly label?: RowLabel;
  readonly category?: string;
  /** A verdict of the second variant is another than that of the first; of this judge, where one is named. */
  readonly changed?: boolean | string;
  /** Some answer is wrong: not the expected one, refused though harmless, answered though harmful. */
  readonly wrong?: boolean;
  readonly refused?: boolean;
  readonly hitLimit?: boolean;
}

export interface Rate {
  readonly count: number;
  readonly n: number;
  readonly rate: number; // 0..1; NaN where n is 0
  readonly low: number; // 95 %
  readonly high: number;
}

export interface Mean {
  readonly n: number;
  readonly mean: number; // NaN where n is 0
  readonly low: number; // 95 %; the mean itself where there are fewer than two values
  readonly high: number;
}

export interface Paired {
  /** Rows where the two differ: only the first has it, only the second. */
  readonly onlyFirst: number;
  readonly onlySecond: number;
  /** Two-sided: how often chance alone would split the differing rows at least as unevenly. */
  readonly p: number;
}

/** A rate where each answer is 0 or 1 and has one answer, else a mean of the rows. */
export type Figure = ({ readonly kind: 'rate' } & Rate) | ({ readonly kind: 'mean' } & Mean);

export interface Measure {
  readonly judge: string;
  /** By variant, in the order of the plan. `figure` counts people's verdicts where there are some; `byJudge` does not. */
  readonly variants: readonly {
    readonly variant: string;
    readonly figure: Figure;
    readonly byJudge: Figure;
    readonly overruled: number;
    readonly unjudged: number;
  }[];
  /** The first variant against the second, on the same rows; null without a second, or with several answers a row. */
  readonly paired: (Paired & { readonly changedRows: readonly string[] }) | null;
}

export interface GroupResult {
  /** null: the rows of the suite have no labels. */
  readonly label: RowLabel | null;
  readonly n: number; // rows
  readonly measures: readonly Measure[];
  readonly variants: readonly {
    readonly variant: string;
    readonly tokensPerAnswer: Mean;
    readonly hitLimit: Rate;
    readonly problems: number; // prompts without an answer
  }[];
}

export interface SuiteResults {
  readonly suite: string;
  readonly kind: SuiteKind;
  readonly n: number;
  readonly sampled: Suite['sampled'];
  readonly groups: readonly GroupResult[];
}

export interface JudgeReport {
  readonly id: string;
  readonly version: string;
  readonly title: string;
  /** What it does, in a sentence that stands beside its numbers. */
  readonly about: string;
  /** yes-no: each answer is 0 or 1, and their rate is shown · share: each is between, and their mean is. */
  readonly scale: 'yes-no' | 'share';
}

export interface EvaluationResults {
  readonly format: 1;
  readonly model: string;
  readonly variants: readonly Variant[];
  readonly settings: GenerationSettings;
  readonly judges: readonly JudgeReport[];
  readonly suites: readonly SuiteResults[];
}

// ---- evaluations that are kept ----

/** Whose answers stand beside the base's. `current`: of the run that was trained last in this worker. */
export type AdapterChoice =
  { readonly kind: 'none' } | { readonly kind: 'current' } | { readonly kind: 'run'; readonly runId: string };

export interface EvaluationRequest {
  readonly files: readonly SuiteFile[];
  /** Rows of each suite, drawn by the seed; null: all of them. */
  readonly sampleRows: number | null;
  readonly sampleSeed: number;
  readonly settings: GenerationSettings;
  readonly adapter: AdapterChoice;
}

/** `running`: no end was written. Where nobody holds it, it was paused or interrupted, and can go on. */
export interface EvaluationHead {
  readonly createdMs: number; // since 1970
  readonly updatedMs: number;
  readonly state: 'running' | 'finished';
  readonly failure: RunFailure | null;
  readonly model: {
    readonly name: string;
    readonly id: string; // with what tells its weights and prompts from others
    readonly source: RememberedModel;
    readonly thinkPrefilled: boolean;
  };
  /** null: the base alone. `runId` null: of a run that is not kept. */
  readonly adapter: { readonly name: string; readonly runId: string | null } | null;
  readonly variants: readonly Variant[];
  readonly settings: GenerationSettings;
  readonly suites: readonly (Pick<Suite, 'name' | 'kind' | 'sampled'> & { readonly n: number })[];
  readonly done: number; // answers
  readonly total: number;
  readonly results: EvaluationResults | null; // of one that is finished
  /** Models that judged its answers; absent: none. */
  readonly judgedBy?: readonly JudgeReport[];
  /** The user's own; absent or null: the built-in ones. */
  readonly phrases?: RefusalPhrases | null;
}

export interface StoredEvaluation extends EvaluationHead {
  readonly id: string;
  readonly bytes: number;
  readonly isHeld: boolean; // under way right now, in this tab or elsewhere
}

export interface EvaluationProgress {
  readonly id: string;
  readonly done: number; // answers
  readonly total: number;
  /** Found in the store, not written anew. */
  readonly reused: number;
  /** By the pace of this session; null: cannot be told yet. */
  readonly secondsLeft: number | null;
  readonly note: string;
}

/** A page of the rows that a filter leaves. */
export interface EvaluationRows {
  readonly total: number;
  readonly rows: readonly ResultRow[];
  /** Of all rows that the filter's suite and label have, for choosing among them. */
  readonly categories: readonly string[];
  /** Answers of the whole evaluation that are not there yet, or whose file is damaged. */
  readonly missing: number;
}

// ---- runs side by side ----

/** A model in the plot of this field: what of the harmful it answers, what of the harmless it refuses, what it still solves. */
export interface ComparedPoint {
  readonly runId: string | null; // null: a base, without an adapter
  readonly model: string;
  readonly harmfulAnswered: Rate | null; // null: no suite of this kind was asked of all
  readonly benignRefused: Rate | null;
  readonly correct: Rate | null;
}

/** A suite, or its rows of one label, as each of the compared models answered it. */
export interface ComparedGroup {
  readonly suite: string;
  readonly label: RowLabel | null;
  readonly measure: 'refused' | 'correct';
  readonly rates: readonly Rate[]; // in the order of the points
}

/** Rows that all of the runs were asked with the same settings. */
export interface RunComparison {
  /** `results`: what the runs measured at their own end, where not all of them have an evaluation. null: neither. */
  readonly basis: 'evaluations' | 'results' | null;
  /** Asked of some of the runs, or with other settings. */
  readonly leftOut: readonly string[];
  readonly groups: readonly ComparedGroup[];
  readonly points: readonly ComparedPoint[]; // of all groups together
}

export interface LeakageReport {
  readonly prompts: number;
  readonly rows: number; // of the data
  /** For the user: what was found, or that nothing was. */
  readonly lines: readonly string[];
  readonly hasLeaks: boolean;
}

/** Answers to be shown to a judge. `thinkPrefilled`: of the model that answered. */
export interface JudgeQuestion {
  readonly kind: JudgeKind;
  readonly answers: readonly Pick<AnswerRecord, 'prompt' | 'text'>[];
  readonly thinkPrefilled: boolean;
}

/** What the contract offers of evaluations. */
export interface EvaluationApi {
  /** Recognises a file of suites, and says what of it can be asked. Needs no model. */
  readSuites(file: Omit<SuiteFile, 'names'>): Promise<SuiteFileReport>;
  /** Needs a loaded model. Resolves when all answers are there and judged; rejects with "cancelled" where it was paused. */
  startEvaluation(
    request: EvaluationRequest,
    onProgress: (progress: EvaluationProgress) => void,
  ): Promise<StoredEvaluation>;
  /** One that was paused or interrupted goes on; what is answered is not asked again. Needs its model to be loaded. */
  continueEvaluation(
    id: string,
    onProgress: (progress: EvaluationProgress) => void,
  ): Promise<StoredEvaluation>;
  /** After the answers that are being written; they are kept. */
  pauseEvaluation(): Promise<void>;
  /** In the host's store, the newest first. */
  listEvaluations(): Promise<readonly StoredEvaluation[]>;
  removeEvaluation(id: string): Promise<void>;
  evaluationRows(
    id: string,
    filter: RowFilter,
    range: { readonly first: number; readonly count: number },
  ): Promise<EvaluationRows>;
  /**
   * The loaded model judges the answers to prompts that are labelled harmful or benign. It is another one than answered them.
   * Rejects with "cancelled" where it was paused; what it has judged is kept.
   */
  judgeEvaluation(
    id: string,
    kind: JudgeKind,
    onProgress: (progress: EvaluationProgress) => void,
  ): Promise<StoredEvaluation>;
  /** What the loaded model writes when it is shown answers as a judge of this kind is; in their order. */
  askJudge(request: JudgeQuestion): Promise<readonly JudgeReply[]>;
  /** A person's verdict. Gives the evaluation with its new figures. */
  overruleVerdict(id: string, verdict: Omit<OverruleRecord, 'kind'>): Promise<StoredEvaluation>;
  /** The phrases by which its refusals are told. */
  refusalPhrasesOf(id: string): Promise<RefusalPhrases>;
  /** Judges its answers anew by other phrases; null: the built-in ones. @throws TrainerError "config-invalid" */
  useRefusalPhrases(id: string, phrases: unknown): Promise<StoredEvaluation>;
  /** Whether rows that could be trained hold what suites ask. `columns`: as the dataset is read (dataset settings). */
  checkLeakage(
    files: readonly SuiteFile[],
    data: DatasetSource,
    columns: readonly string[],
  ): Promise<LeakageReport>;
  /** Runs of the store by what their newest evaluations, or their own results, say. @throws TrainerError "run-not-found" */
  compareRuns(runIds: readonly string[]): Promise<RunComparison>;
  /** The rows that a filter leaves, as a file. */
  exportEvaluation(id: string, format: 'csv' | 'jsonl', filter: RowFilter): Promise<Blob>;
}
