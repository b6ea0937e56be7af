// Daemons, clients and compilers share two cores with nothing else: one file at a time, one test at a time in it. The
// timeout is ava's last resort; every wait in here has a deadline of its own that says what it was for.
export default {
  files: ['test/interop/*.test.ts'],
  extensions: { ts: 'module' },
  workerThreads: false,
  concurrency: 1,
  timeout: '15m'
}
