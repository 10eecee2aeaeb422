/** Figures of the paper (arXiv 2604.18946) that the page and the commands show beside their own. */

/** Mean tokens per training sample of AltTrain-1K. The paper's tokenizer and whether it counts the prompt are not known. */
export const paperTokensPerSample = 167;
