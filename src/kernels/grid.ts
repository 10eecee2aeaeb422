/** One-dimensional thread ids over a grid of workgroups that may exceed 65,535 in one dimension. */
const rowOfGroups = 32_768;

export function grid(threadCount: number, workgroupSize = 64): [number, number, number] {
  const groups = Math.ceil(threadCount / workgroupSize);
  const x = Math.min(groups, rowOfGroups);
  return [x, Math.ceil(groups / x), 1];
}

/** WGSL for the thread's index in such a grid. */
export const threadIndex = (workgroupSize = 64): string =>
  `(wid.y * ${rowOfGroups}u + wid.x) * ${workgroupSize}u + lid.x`;
