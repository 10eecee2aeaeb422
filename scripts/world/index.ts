// The demo world: everything the page, the tests and the distillation script need of it.

export * from './alttrain-rows.ts';
export * from './corpus.ts';
export * from './items.ts';
export * from '../../src/config/demo-prompts.ts';
export * from './suite.ts';
export * from './suites.ts';
export { traceOf, type TeacherExample } from './teacher.ts';
