/** The suite that needs root: real users, so that the kernel itself is what keeps them apart. */
export default {
  files: ['test/isolation/**/*.test.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  concurrency: 1,
  timeout: '2m'
}
