// The build and the test runner import templates as text (build.mjs, vitest.config.ts).
declare module '*.yaml' {
  const text: string;
  export default text;
}

declare module '*.tmpl' {
  const text: string;
  export default text;
}
