// The requests whose traces the page shows while it trains. None of them is in the AltTrain rows (checked by a test).

export interface SamplePrompt {
  readonly prompt: string;
  readonly kind: 'harmful' | 'lookalike' | 'howto' | 'arithmetic' | 'fact';
}

export const samplePrompts: readonly SamplePrompt[] = [];
