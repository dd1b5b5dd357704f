import type { Mutation } from './mutation.ts'

/** Mistakes that an independent audit found. */
export const audit: readonly Mutation[] = [
  {
    marks: '51',
    mistake: 'the backend is read from a polluted Object.prototype',
    file: 'src/backends/select.ts',
    find: '  return createdForBun\n',
    replace: '  return createdForBun ?? ({} as { readonly bun?: Backend }).bun\n',
    tests: ['client/pollution-reads'],
  },
  {
    marks: '51',
    mistake: 'the first waiter of an empty queue is read from a polluted Object.prototype',
    file: 'src/pool/ordered-queue.ts',
    find: 'while (this.#heap.length > 0) {',
    replace: 'while (this.#heap[0] !== undefined) {',
    tests: ['client/pollution-reads'],
  },
  {
    marks: '51',
    mistake: 'a cookie that does not exist is read from a polluted Object.prototype',
    file: 'src/client/cookies/cookies.ts',
    find: 'found.at(0)?.value',
    replace: 'found[0]?.value',
    tests: ['client/pollution-reads'],
  },
  {
    marks: '51',
    mistake: 'the route of a client without one is read from a polluted Object.prototype',
    file: 'src/client/routing.ts',
    find: 'routes.at(0)',
    replace: 'routes[0]',
    tests: ['client/pollution-reads'],
  },
  {
    marks: '51',
    mistake: 'optional methods of handlers and apps are read from a polluted Object.prototype',
    file: 'src/pool/sinks.ts',
    find: '  return memberOf(handler, name) !== undefined\n',
    replace: '  return handler[name] !== undefined || memberOf(handler, name) !== undefined\n',
    tests: ['client/pollution-reads'],
  },
  {
    marks: '43',
    mistake: 'a discarded body that arrives slowly keeps its connection',
    file: 'src/connection/deadlines.ts',
    find: 'const DRAIN_TIME = 1000',
    replace: 'const DRAIN_TIME = 1_000_000',
    tests: ['pool/unread'],
  },
  {
    marks: '43',
    mistake: 'a request waits for a connection to another origin that reads a discarded body',
    file: 'src/pool/scheduler.ts',
    find: '    this.#deadlines.add(waiter)\n    this.#replaceDraining()\n',
    replace: '    this.#deadlines.add(waiter)\n',
    tests: ['pool/unread'],
  },
  {
    marks: '43',
    mistake: 'a connection that reads a discarded body is closed for a request to its own origin',
    file: 'src/pool/scheduler.ts',
    find: 'if (lease.origin.key !== waiter.origin.key) return lease.stopDraining()',
    replace: "if (lease.origin.key !== '') return lease.stopDraining()",
    tests: ['pool/unread'],
  },
]
