import { useApp } from '../state/app-state.ts';

/** What the method is and what to know before trusting a number; readable without WebGPU. */
export function About() {
  const { offline } = useApp();
  return (
    <footer class="about">
      <h2>About the method</h2>
      <div class="about-columns">
        <p>
          A reasoning model often recognises a harmful request and answers it all the same, because its
          reasoning goes straight from understanding the problem to solving it. <strong>AltTrain</strong>{' '}
          changes that order with plain supervised fine-tuning on about a thousand examples: problem
          understanding (PU), then one sentence of harmfulness assessment (HA), then conditional reasoning
          (CR), which stops at harm and goes on otherwise. It is described in{' '}
          <a href="https://arxiv.org/abs/2604.18946" rel="noreferrer">
            Reasoning Structure Matters for Safety Alignment of Reasoning Models
          </a>{' '}
          (In, Kim, Park, Park).
        </p>
        <p>
          This page trains a LoRA adapter on the frozen model in a worker, on your GPU. The embedded model is
          tiny and knows a toy world, so that the change can be seen within minutes; the same page reads
          models of the families Qwen2, Qwen3 and Llama from the Hugging Face Hub or a folder. The paper
          itself reports that safety gained this way costs some over-refusal, more so in small models: look at
          the benign suites too. What you download is a PEFT adapter with its model card.
        </p>
      </div>
      <p class="small muted">
        Apache License 2.0; <a href="third-party.txt">other people’s work in this page, and its licences</a>.
        Your data stays on this computer.
        {offline.isKept.value && ' This page and its demo open without a network, too.'}
      </p>
    </footer>
  );
}
