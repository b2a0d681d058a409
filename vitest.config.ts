import { defineConfig } from 'vitest/config';

export default defineConfig({
  plugins: [
    {
      // The build (build.mjs) imports templates as text; tests do the same.
      name: 'text-templates',
      enforce: 'pre',
      transform(code, id) {
        return /\.(yaml|tmpl)$/.test(id) ? `export default ${JSON.stringify(code)}` : undefined;
      },
    },
  ],
  define: { MTLSCTL_VERSION: JSON.stringify('0.0.0-test') },
  test: {
    include: ['test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
