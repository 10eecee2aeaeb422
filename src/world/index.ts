// The demo world: everything the page, the tests and the distillation script need of it.

export * from './alttrain-rows';
export * from './corpus';
export * from './items';
export * from './samples';
export * from './suites';
export { traceOf, type TeacherExample } from './teacher';
