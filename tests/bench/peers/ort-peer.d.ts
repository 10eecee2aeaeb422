/** onnxruntime-web declares its modules under its own name; this is the part of it used under the alias. */
declare module 'ort-peer/webgpu' {
  export class Tensor {
    constructor(type: 'int64', data: BigInt64Array, dims: readonly number[]);
    getData(releaseData?: boolean): Promise<unknown>;
    dispose(): void;
  }
  export interface Session {
    readonly outputNames: readonly string[];
    run(feeds: Readonly<Record<string, Tensor>>): Promise<Readonly<Record<string, Tensor>>>;
    release(): Promise<void>;
  }
  export const InferenceSession: {
    create(
      model: Uint8Array,
      options: {
        readonly executionProviders: readonly ['webgpu'];
        readonly preferredOutputLocation: 'gpu-buffer';
      },
    ): Promise<Session>;
  };
  export const env: {
    logLevel: string;
    readonly wasm: { numThreads: number };
    readonly webgpu: { readonly device: Promise<GPUDevice> };
  };
}
