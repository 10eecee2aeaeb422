/**
 * The contract between the page (or the command line) and the dataset builder (src/alttrain/builder.ts): types only.
 * The builder turns prompts with reasoning traces into rows of AltTrain or of one of its baselines.
 */
import type { FileBytes } from './file-bytes.ts';
import type { RowProblem, TracePart, TraceVerdict, UnusedColumn } from './trainer-api.ts';

export type HarmLabel = 'harmful' | 'benign';

export type ShapeId =
  | 'alttrain'
  | 'without-pu'
  | 'without-ha'
  | 'without-cr'
  | 'cr-rephrased'
  | 'direct-refusal'
  | 'star-1'
  | 'safechain'
  | 'r2d'
  | 'safepath';

export interface ShapeInfo {
  readonly id: ShapeId;
  readonly title: string;
  readonly about: string;
}

/** Texts the builder writes. {question}, {category} and {reason} are filled in; a list gives one at random per row. */
export interface Templates {
  readonly understanding: string; // where a trace does not begin with one
  readonly assessHarmful: readonly string[];
  readonly assessBenign: readonly string[];
  readonly reasons: Readonly<Record<string, string>>; // category → {reason}
  readonly reasonOther: string; // for a category that is not listed, or none
  readonly stop: string; // CR of a harmful row
  readonly stopRephrased: readonly string[];
  readonly refusals: readonly string[]; // the answer of a harmful row; an empty text ends the row at </think>
  readonly directThought: string; // DirectRefusal
  readonly primer: string; // SafePath
  readonly pivotSafe: string; // R2D: after a step that shows no harm
  readonly pivotUnsafe: string; // after one that names it or refuses
  readonly pivotRethink: string; // after one that hesitates
  readonly askModel: string; // asks a model for the assessment
}

export interface BuildOptions {
  readonly shape: ShapeId;
  readonly count: number; // rows
  readonly harmfulShare: number; // 0..1
  readonly seed: number;
  readonly templates: Templates;
  /** Harmful rows whose own answer in the file does not refuse (a string match) take no part: refusing them teaches over-refusal. */
  readonly onlyRefused: boolean;
  /** Rows without a trace take part; the loaded model writes it. */
  readonly writeTraces: boolean;
  /** The loaded model writes the assessments; where it does not, the templates do. */
  readonly writeAssessments: boolean;
}

/** What a model wrote, by row key. */
export interface Written {
  readonly traces: Readonly<Record<string, string>>;
  readonly assessments: Readonly<Record<string, string>>;
}
export interface Question {
  readonly key: string;
  readonly prompt: string; // what the model is asked
}

export interface BuilderProblem extends Omit<RowProblem, 'code'> {
  readonly file: string;
  readonly code:
    | RowProblem['code']
    | 'row-label' // it has one that cannot be read
    | 'row-duplicate'
    | 'row-no-trace'
    | 'row-trace-unfinished'
    | 'row-answered';
}

/** One file as read, before any choice. totalRows = harmful + benign + rejected.length. */
export interface SourceReport {
  readonly id: number;
  readonly name: string;
  readonly role: HarmLabel; // label of rows that carry none
  readonly totalRows: number;
  readonly harmful: number;
  readonly benign: number;
  readonly labelledByRow: number; // the others have the file's label
  readonly withTrace: number;
  readonly understandingFound: number; // traces whose first sentence is an understanding
  readonly rejected: readonly BuilderProblem[];
  readonly unusedColumns: readonly UnusedColumn[];
  readonly answerLabels: readonly string[]; // columns that judge the answer, and so never decide the label
}

export interface BuiltRow {
  readonly key: string;
  readonly label: HarmLabel;
  readonly category: string; // empty where the row has none
  readonly file: string;
  readonly line: number;
  readonly isAnsweredInFile: boolean; // harmful by label, yet the file's own answer does not refuse
  readonly instruction: string;
  readonly response: string;
  readonly parts: readonly TracePart[];
  readonly verdict: TraceVerdict;
  readonly understandingFrom: 'trace' | 'template' | 'none';
  readonly assessmentFrom: 'model' | 'template' | 'none';
}

export interface Lengths {
  readonly mean: number;
  readonly median: number;
  readonly max: number;
}

/** Counts of a build. usable = rows + unused + failed.length. */
export interface BuildReport {
  readonly shape: ShapeId;
  readonly seed: number;
  readonly rows: number;
  readonly harmful: number;
  readonly benign: number;
  readonly usable: number; // rows of all files that fit the shape
  readonly unused: number; // usable, not chosen
  readonly unfit: readonly BuilderProblem[]; // read, but the shape needs what they lack
  readonly failed: readonly BuilderProblem[]; // chosen, but the model gave no usable trace
  readonly understanding: Readonly<Record<BuiltRow['understandingFrom'], number>>;
  readonly assessment: Readonly<Record<BuiltRow['assessmentFrom'], number>>;
  readonly assessmentsDiscarded: number; // written by the model, but no assessment or against the label
  readonly answeredInFile: number; // harmful rows whose own answer in the file does not refuse
  readonly recognised: number; // rows whose stated verdict, read back, is their label
  readonly words: {
    readonly sample: Lengths; // instruction and response
    readonly response: Lengths;
    readonly harmful: Lengths | null; // responses of harmful rows
    readonly benign: Lengths | null;
  };
}

export interface BuildResult {
  readonly rows: readonly BuiltRow[];
  readonly report: BuildReport;
}

export interface BuilderApi {
  describe(): Promise<{ readonly shapes: readonly ShapeInfo[]; readonly templates: Templates }>;
  /** @throws TrainerError "dataset-unreadable", "dataset-empty" */
  addSource(role: HarmLabel, name: string, file: FileBytes): Promise<SourceReport>;
  removeSource(id: number): Promise<void>;
  /** The largest count that keeps the mix. */
  mostRows(options: BuildOptions): Promise<number>;
  /** What a model is to be asked before `build`, in the order of the rows. */
  questions(what: keyof Written, options: BuildOptions, written: Written): Promise<readonly Question[]>;
  /** @throws TrainerError "config-invalid" where the mix cannot be had */
  build(options: BuildOptions, written: Written): Promise<BuildResult>;
  /** A row with another text: its parts, verdict and origins are read again. */
  edited(row: BuiltRow, instruction: string, response: string): Promise<BuiltRow>;
  /** The rows as the file that is downloaded or trained on. */
  toJsonl(rows: readonly BuiltRow[]): Promise<string>;
}
