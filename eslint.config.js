/** Type-checked rules that find real faults, and the walls between the folders (scripts/lint/walls.js). */
import { defineConfig, globalIgnores } from 'eslint/config';
import tseslint from 'typescript-eslint';
import { gpuFolders, rules } from './scripts/lint/walls.js';

const typescript = '**/*.{ts,tsx}';

/** Later entries win in ESLint, so the rule that counts first comes last. */
const walls = rules.toReversed().map(({ folder, walls: patterns }) => ({
  files: [folder.endsWith('.ts') ? `src/${folder}` : `src/${folder}/${typescript}`],
  rules: { 'no-restricted-imports': ['error', { patterns }] },
}));

export default defineConfig(
  globalIgnores([
    'dist',
    'dist-api',
    'dist-bench',
    'dist-cli',
    'dist-lib',
    'dist-node',
    'node_modules',
    'public',
    '.cache',
    'runs',
    'coverage',
    'tests/fixtures',
  ]),
  {
    files: [typescript],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    linterOptions: { reportUnusedDisableDirectives: 'error' },
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-debugger': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': ['error', { checksVoidReturn: { attributes: false } }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', { fixStyle: 'inline-type-imports' }],
      '@typescript-eslint/switch-exhaustiveness-check': [
        'error',
        { considerDefaultExhaustiveForUnions: true },
      ],
      '@typescript-eslint/only-throw-error': 'error',
      '@typescript-eslint/require-await': 'off', // an interface may promise what one host has at once
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
    },
  },
  {
    // JSON fixtures and what a browser returns arrive untyped.
    files: [`tests/${typescript}`, 'scripts/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
    },
  },
  {
    files: [`src/${typescript}`],
    ignores: gpuFolders.map((folder) => `src/${folder}/**`),
    rules: {
      'no-restricted-globals': [
        'error',
        ...['GPUBufferUsage', 'GPUShaderStage', 'GPUMapMode', 'GPUTextureUsage'].map((name) => ({
          name,
          message: 'Only device/ and kernels/ touch GPU objects.',
        })),
      ],
      'no-restricted-properties': [
        'error',
        {
          object: 'navigator',
          property: 'gpu',
          message:
            'Only device/ opens WebGPU: call TrainerApi.openDevice() and look at the code of its error.',
        },
      ],
    },
  },
  ...walls,
  {
    files: ['src/**', 'workers/**', 'scripts/**'],
    ignores: ['scripts/proofs/**'], // what they describe is their own
    rules: {
      'no-restricted-syntax': [
        'error',
        {
          // With words around it, it is a message. It throws on what is nested deeply, and obeys no limit of length.
          selector:
            "TemplateLiteral:has(> TemplateElement[value.cooked=/\\S/]) CallExpression[callee.object.name='JSON'][callee.property.name='stringify']",
          message:
            'Describe a value with textOf (src/support/text-of.ts): describing what is wrong must not fail.',
        },
      ],
    },
  },
);
