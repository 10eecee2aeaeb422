export interface Room {
  readonly folder: string;
  readonly imports: readonly string[];
}
export interface Wall {
  readonly regex: string;
  readonly message: string;
}
export interface Rule {
  readonly folder: string; // under src/, or one file
  readonly walls: readonly Wall[];
}
export const rooms: readonly Room[];
export const rules: readonly Rule[];
export const gpuFolders: readonly string[];
